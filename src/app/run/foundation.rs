//! What is a world built from? The parts that stay for a server's life, and the build of the rest
//! from files. Also for commands that decide without a server (`decide`, `replay`); cold.

use std::fs::{self, OpenOptions};
use std::io::{self, Read as _, Write as _};
use std::os::unix::fs::OpenOptionsExt as _;
use std::path::{Path, PathBuf};
use std::sync::Arc;
use std::time::Instant;

use super::StartFault;
use crate::app::config::Config;
use crate::base::stdx::fault::{Fault, Faults};
use crate::flows::decide::coin::Coin;
use crate::flows::decide::world::{Parts, World};
use crate::knowledge::audience::{self, Audience, Providers, Suppression};
use crate::knowledge::catalog::model::{Catalog, Counts};
use crate::knowledge::catalog::{
    self, Edition, Headcount, Kind, Mark, Read, Reading, Sheets, Tongue,
};
use crate::knowledge::enrich::listener;
use crate::knowledge::enrich::place::Atlas;
use crate::market::exchange::{Exchange, Rates};
use crate::market::privacy::{GvlFault, Policy};
use crate::market::ticket::TicketKeys;
use crate::market::vocabulary::{self, LogFault, Vocabulary, Words};

/// Why the policy on consent cannot be made.
#[derive(Debug, thiserror::Error)]
pub enum PolicyFault {
    #[error("{0}: {1}")]
    Unreadable(PathBuf, io::Error),
    #[error(transparent)]
    Gvl(#[from] GvlFault),
}

/// The policy of a configuration, with the vendor list that it names.
pub fn policy(config: &Config) -> Result<Policy, PolicyFault> {
    let read = |file: &PathBuf| {
        fs::read_to_string(file).map_err(|why| PolicyFault::Unreadable(file.clone(), why))
    };
    let list = config.privacy.gvl.as_ref().map(read).transpose()?;
    Ok(Policy::new(&config.privacy, list.as_deref())?)
}

/// All that a world needs beside campaigns and listeners, and where those are.
#[derive(Clone)]
pub struct Foundation {
    data: PathBuf,
    files: Vec<PathBuf>,
    limits: catalog::Limits,
    words: Arc<Words>,
    exchanges: Arc<[Exchange]>,
    rates: Arc<Rates>,
    atlas: Arc<Atlas>,
    keys: Arc<TicketKeys>,
    pub(super) public_url: Arc<str>,
    coin: Coin,
    listeners: listener::Config,
    suppression: Arc<Suppression>,
    privacy: Arc<Policy>,
    providers: Arc<Providers>,
}

/// A world with what there is to tell of it.
#[derive(Clone)]
pub struct Built {
    pub world: World,
    pub summary: Summary,
    /// What is allowed but most likely not meant.
    pub warnings: Arc<[Fault]>,
}

/// What is to be kept of a catalog for replay; nothing when it is the one before.
pub(super) struct Archive(pub Vec<u8>);

/// What stands in a world.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub struct Summary {
    pub version: u64,
    pub kind: Kind,
    pub counts: Counts,
    pub listeners: usize,
    pub build_ms: u64,
}

#[derive(Debug, thiserror::Error)]
pub enum BuildFault {
    /// All of them, each on a line.
    #[error(transparent)]
    Faults(#[from] Faults),
    #[error(transparent)]
    Vocabulary(#[from] LogFault),
    #[error(transparent)]
    Audience(#[from] audience::StoreFault),
}

/// The marks of all that a rebuild would read.
pub(super) type Marks = Vec<(PathBuf, Option<Mark>)>;

impl Foundation {
    /// For a command beside a server: it reads the words that there are and keeps none of its
    /// own.
    pub fn lay(config: &Config, data: &Path, keys: TicketKeys) -> Result<Foundation, StartFault> {
        let words = Words::read(&data.join(vocabulary::FILE), &config.vocabulary)
            .map_err(StartFault::at("vocabulary"))?;
        let refused = audience::refused(data, *keys.marks()).map_err(StartFault::at("rights"))?;
        let foundation = Foundation::lay_over(config, data, keys, Arc::new(words))?;
        Ok(foundation.with_suppression(refused))
    }

    /// What listeners have refused holds in every world from here.
    pub fn with_suppression(self, suppression: Suppression) -> Foundation {
        Foundation { suppression: Arc::new(suppression), ..self }
    }

    /// For whoever owns the words.
    pub fn lay_over(
        config: &Config,
        data: &Path,
        keys: TicketKeys,
        words: Arc<Words>,
    ) -> Result<Foundation, StartFault> {
        let public_url = config.creative.check().map_err(StartFault::at("public_url"))?;
        Ok(Foundation {
            data: data.to_owned(),
            files: config.campaigns.files.clone(),
            limits: config.campaigns.limits.clone(),
            words,
            exchanges: config.exchange_table().into(),
            rates: Arc::new(config.rate_table()),
            atlas: Arc::new(Atlas::open(&config.geo).map_err(StartFault::at("geo"))?),
            public_url: public_url.as_str().into(),
            coin: Coin::new(coin_key(data).map_err(StartFault::at("coin.key"))?),
            suppression: Arc::new(Suppression::empty(*keys.marks())),
            keys: Arc::new(keys),
            listeners: config.profile,
            privacy: Arc::new(policy(config).map_err(StartFault::at("privacy.gvl"))?),
            providers: Arc::new(config.audience.providers()),
        })
    }

    /// For a command beside a server: the world of the files and the listeners as they are now.
    pub fn build(&self) -> Result<Built, BuildFault> {
        let words = || Ok(Vocabulary::clone(&self.words.snapshot()));
        let audience = audience::read(&self.data, &words)?;
        self.first(&mut Sheets::default(), Arc::new(audience)).map(|(built, _)| built)
    }

    /// Whether the files would make a world, without its listeners.
    pub(super) fn rehearse(&self) -> Result<(), BuildFault> {
        self.first(&mut Sheets::default(), Arc::new(Audience::empty())).map(drop)
    }

    /// The first world; the files are remembered, and what is to be kept is given along.
    pub(super) fn first(
        &self,
        sheets: &mut Sheets,
        audience: Arc<Audience>,
    ) -> Result<(Built, Archive), BuildFault> {
        self.build_with(sheets, true, (audience, None))
    }

    /// The world of the files as they are now, of which `sheets` remember what did not change;
    /// `before` lends the rest. `thorough`: hosted media may have changed, too.
    pub(super) fn again(
        &self,
        sheets: &mut Sheets,
        (before, headcount): (&Built, &dyn Headcount),
        thorough: bool,
    ) -> Result<(Built, Archive), BuildFault> {
        let listeners = Arc::clone(&before.world.audience);
        self.build_with(sheets, thorough, (listeners, Some((before, headcount))))
    }

    fn build_with(
        &self,
        sheets: &mut Sheets,
        thorough: bool,
        (audience, before): (Arc<Audience>, Option<(&Built, &dyn Headcount)>),
    ) -> Result<(Built, Archive), BuildFault> {
        let started = Instant::now();
        let (before, headcount) = before.unzip();
        let mut reading = Reading { headcount, ..self.reading() };
        let Read { edition, warnings } = sheets.read(&self.files, &mut reading, thorough);
        let Edition { catalog, kind, archive } = edition?;
        self.words.save().inspect_err(|_| sheets.forget())?;
        let parts = self.parts(catalog, self.words.snapshot(), audience);
        let world = World::assemble(parts, before.map(|before| &before.world));
        let summary = Summary {
            version: world.version,
            kind,
            counts: world.catalog.counts,
            listeners: world.audience.len(),
            build_ms: u64::try_from(started.elapsed().as_millis()).unwrap_or(u64::MAX),
        };
        Ok((Built { world, summary, warnings: warnings.into() }, Archive(archive)))
    }

    pub(super) fn data(&self) -> &Path {
        &self.data
    }

    /// The parts of a world that nobody listens in.
    pub(super) fn without_listeners(&self, catalog: Arc<Catalog>) -> Parts {
        let suppression = Arc::new(Suppression::empty(*self.keys.marks()));
        let parts = self.parts(catalog, self.words.snapshot(), Arc::new(Audience::empty()));
        Parts { suppression, ..parts }
    }

    pub(super) fn reading(&self) -> Reading<'_> {
        let tongue = Tongue::of(&self.words);
        Reading {
            tongue,
            rates: &self.rates,
            limits: &self.limits,
            archived: false,
            headcount: None,
        }
    }

    /// The parts of a world of any catalog and listeners.
    pub fn parts(
        &self,
        catalog: Arc<Catalog>,
        vocabulary: Arc<Vocabulary>,
        audience: Arc<Audience>,
    ) -> Parts {
        Parts {
            catalog,
            vocabulary,
            audience,
            suppression: Arc::clone(&self.suppression),
            exchanges: Arc::clone(&self.exchanges),
            rates: Arc::clone(&self.rates),
            atlas: Arc::clone(&self.atlas),
            keys: Arc::clone(&self.keys),
            public_url: Arc::clone(&self.public_url),
            coin: self.coin,
            listeners: self.listeners,
            privacy: Arc::clone(&self.privacy),
            providers: Arc::clone(&self.providers),
        }
    }

    /// Everything that a rebuild would read, by when it was written.
    pub(super) fn marks(&self) -> Marks {
        let mut marks = Vec::new();
        for path in &self.files {
            let inside = fs::read_dir(path).into_iter().flatten().flatten();
            let mut files: Vec<PathBuf> = inside.map(|entry| entry.path()).collect();
            files.retain(|file| is_campaign_file(file));
            files.push(path.clone());
            files.sort();
            marks.extend(files.into_iter().map(|file| (file.clone(), Mark::of(&file))));
        }
        marks
    }
}

impl Built {
    /// The same before other listeners, known in these words.
    pub(super) fn with_listeners(
        &self,
        audience: Arc<Audience>,
        vocabulary: Arc<Vocabulary>,
    ) -> Built {
        let mut built = self.clone();
        built.summary.listeners = audience.len();
        built.world = built.world.with_audience(audience).with_vocabulary(vocabulary);
        built
    }

    /// The same after what listeners have refused.
    pub(super) fn with_suppression(&self, suppression: Arc<Suppression>) -> Built {
        let mut built = self.clone();
        built.world = built.world.with_suppression(suppression);
        built
    }

    /// The same, signed with these keys.
    pub(super) fn with_keys(&self, keys: Arc<TicketKeys>) -> Built {
        let mut built = self.clone();
        built.world = built.world.with_keys(keys);
        built
    }

    /// Says in the log what is most likely not meant.
    pub fn tell(&self) {
        for warning in self.warnings.iter() {
            tracing::warn!("{warning}");
        }
    }
}

fn is_campaign_file(path: &Path) -> bool {
    let kind = path.extension().and_then(|kind| kind.to_str()).unwrap_or("");
    ["yaml", "yml", "json"].contains(&kind)
}

/// The secret of the deployment's coins: made at the first start, kept in the data folder.
fn coin_key(data: &Path) -> io::Result<u64> {
    let path = data.join("coin.key");
    let text = match fs::read_to_string(&path) {
        Err(why) if why.kind() == io::ErrorKind::NotFound => {
            let mut bytes = [0_u8; 8];
            fs::File::open("/dev/urandom")?.read_exact(&mut bytes)?;
            let text = format!("{:016x}\n", u64::from_le_bytes(bytes));
            fs::create_dir_all(data)?;
            let mut file =
                OpenOptions::new().write(true).create_new(true).mode(0o600).open(&path)?;
            file.write_all(text.as_bytes())?;
            file.sync_all()?;
            text
        }
        read => read?,
    };
    u64::from_str_radix(text.trim(), 16).map_err(|_| {
        io::Error::other(format!("{} holds no key; restore it or delete it", path.display()))
    })
}

//! Is it a request at all? The strict rules, one function for both wires; hot.
//!
//! Where the standard demands a field or forbids a pair and guessing could sell the wrong thing,
//! the request is refused. A fault in one audio object among other offers costs only that object.

use super::Draft;
use super::request::{Audio, Imp, Regs, Request};
use crate::market::outcome::Malformed;

/// Applies the rules in the order of [`Malformed`]'s variants.
pub(super) fn strict(draft: Draft<'_>) -> Result<Request<'_>, Malformed> {
    let Draft { mut request, imps, ext } = draft;
    if request.id.is_empty() {
        return Err(Malformed::MissingId);
    }
    if imps.is_empty() {
        return Err(Malformed::MissingImp);
    }
    if has_duplicate_id(imps) {
        return Err(Malformed::DuplicateImpId);
    }
    let channels = [request.site.is_some(), request.app.is_some(), request.dooh];
    if channels.iter().filter(|&&present| present).count() > 1 {
        return Err(Malformed::SiteAndApp);
    }
    drop_faulty_audio(imps)?;
    request.imp = imps;
    if let Some(regs) = &mut request.regs {
        fold_regs(regs);
    }
    if let Some(schain) = ext.and_then(|ext| ext.schain) {
        request.source.get_or_insert_default().schain.get_or_insert(schain);
    }
    Ok(request)
}

/// The places of 2.5 into those of 2.6, whichever came first on the wire. Where two contradict
/// each other the yes to a law holds, and strings that differ both stay to be judged.
fn fold_regs(regs: &mut Regs<'_>) {
    regs.gdpr = regs.gdpr.max(regs.gdpr_of_ext.take());
    if regs.us_privacy.is_none() || regs.us_privacy == regs.us_privacy_of_ext {
        regs.us_privacy = regs.us_privacy_of_ext.take().or(regs.us_privacy);
    }
}

/// At most a hundred imps: comparing each pair beats any set. Empty ids are no ids (real
/// exchanges send them), and several may be empty.
fn has_duplicate_id(imps: &[Imp<'_>]) -> bool {
    imps.iter().enumerate().any(|(at, imp)| {
        !imp.id.is_empty() && imps[..at].iter().any(|earlier| earlier.id == imp.id)
    })
}

/// A faulty audio object is refused when nothing else is offered in the whole request;
/// otherwise it is as if it had not been sent.
fn drop_faulty_audio(imps: &mut [Imp<'_>]) -> Result<(), Malformed> {
    let mut first_fault = None;
    let mut other_offer = false;
    for imp in imps {
        // An object that says nothing an audio object says offers no audio, faulty or not.
        imp.audio = imp.audio.filter(|audio| *audio != Audio::default());
        let fault = imp.audio.as_ref().and_then(audio_fault);
        if fault.is_some() {
            imp.audio = None;
            first_fault = first_fault.or(fault);
        }
        other_offer |= imp.audio.is_some() || imp.other_media;
    }
    match first_fault {
        Some(fault) if !other_offer => Err(fault),
        _ => Ok(()),
    }
}

fn audio_fault(audio: &Audio<'_>) -> Option<Malformed> {
    if audio.mimes.is_none_or(<[_]>::is_empty) {
        Some(Malformed::AudioWithoutMimes)
    } else if is_impossible(audio) {
        Some(Malformed::AudioImpossible)
    } else {
        None
    }
}

/// Numbers that no player could mean. Unknown enum values are not among them (§2.6), and a
/// maximum of zero says "not said", as exchanges use it.
fn is_impossible(audio: &Audio<'_>) -> bool {
    let never_negative = [
        audio.minduration,
        audio.maxduration,
        audio.poddur,
        audio.maxseq,
        audio.sequence,
        audio.minbitrate,
        audio.maxbitrate,
    ];
    never_negative.iter().any(|value| value.is_some_and(|value| value < 0))
        || audio.maxextended.is_some_and(|seconds| seconds < -1)
        || audio.rqddurs.iter().any(|&seconds| seconds < 0)
        || exceeds(audio.minduration, audio.maxduration)
        || exceeds(audio.minbitrate, audio.maxbitrate)
}

fn exceeds(min: Option<i64>, max: Option<i64>) -> bool {
    matches!((min, max), (Some(min), Some(max)) if max > 0 && min > max)
}

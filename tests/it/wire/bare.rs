//! A request, printed whole: what logs see as `[redacted]` is shown field by field, so that a test
//! can tell whether each was read.

use interlude::market::openrtb::request::{
    Data, Device, Eid, Geo, Regs, Request, Segment, Site, Source, Uid, User, UserAgent,
};

/// The pattern names every field, so that none can be forgotten.
macro_rules! bare {
    ($out:ident, $of:expr, $type:ident { $($field:ident),* $(,)? }) => {
        let $type { $($field),* } = $of;
        $($out.push_str(&format!("{}: {:#?},\n", stringify!($field), $field));)*
    };
}

pub fn printed(request: &Request<'_>) -> String {
    let mut out = format!("{request:#?}\n");
    request.source.iter().for_each(|source| of_source(source, &mut out));
    request.regs.iter().for_each(|regs| of_regs(regs, &mut out));
    request.site.iter().for_each(|site| of_site(site, &mut out));
    request.device.iter().for_each(|device| of_device(device, &mut out));
    request.user.iter().for_each(|user| of_user(user, &mut out));
    let content = request.app.iter().filter_map(|app| app.content.as_ref());
    content.for_each(|content| of_data(content.data, &mut out));
    out
}

fn of_source(source: &Source<'_>, out: &mut String) {
    bare!(out, source, Source { fd, tid, pchain, schain, omidpn, omidpv });
}

fn of_regs(regs: &Regs<'_>, out: &mut String) {
    bare!(
        out,
        regs,
        Regs { coppa, gdpr, us_privacy, gdpr_of_ext, us_privacy_of_ext, gpp, gpp_sid, gpc, dsa }
    );
}

fn of_site(site: &Site<'_>, out: &mut String) {
    bare!(
        out,
        site,
        Site { id, name, domain, cat, cattax, page, publisher, content, keywords, kwarray }
    );
    content.iter().for_each(|content| of_data(content.data, out));
}

fn of_device(device: &Device<'_>, out: &mut String) {
    bare!(
        out,
        device,
        Device {
            geo,
            dnt,
            lmt,
            ua,
            sua,
            ip,
            ipv6,
            devicetype,
            make,
            model,
            os,
            osv,
            language,
            langb,
            connectiontype,
            ifa,
            atts,
            ifa_type
        }
    );
    geo.iter().for_each(|geo| of_geo(geo, out));
    sua.iter().for_each(|sua| of_agent(sua, out));
}

fn of_geo(geo: &Geo<'_>, out: &mut String) {
    bare!(out, geo, Geo { lat, lon, country, region, metro, city, zip, kind, accuracy, utcoffset });
}

fn of_agent(agent: &UserAgent<'_>, out: &mut String) {
    bare!(out, agent, UserAgent { platform, mobile, model });
}

fn of_user(user: &User<'_>, out: &mut String) {
    bare!(
        out,
        user,
        User { id, buyeruid, yob, gender, keywords, kwarray, geo, data, consent, eids }
    );
    geo.iter().for_each(|geo| of_geo(geo, out));
    of_data(data, out);
    eids.iter().for_each(|eid| of_eid(eid, out));
}

fn of_eid(eid: &Eid<'_>, out: &mut String) {
    bare!(out, eid, Eid { source, uids });
    for uid in *uids {
        bare!(out, uid, Uid { id, atype });
    }
}

fn of_data(all: &[Data<'_>], out: &mut String) {
    for data in all {
        bare!(out, data, Data { id, name, segtax, segment });
        for part in *segment {
            bare!(out, part, Segment { id, name, value });
        }
    }
}

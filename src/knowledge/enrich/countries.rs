//! Which country is meant? ISO 3166-1 alpha-2 and alpha-3 codes, in either case.
//!
//! Asked by `place` and `listener` for each request; hot. OpenRTB wants alpha-3 (§3.2.19), real
//! exchanges and MaxMind send alpha-2.

/// A country of ISO 3166-1.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub struct Country {
    pub alpha2: &'static str,
    pub alpha3: &'static str,
}

/// The country of a code of two or three letters; `None` for all else. The codes that senders
/// use beside the standard are read too: `UK`, `EL` (the EU's own for Greece).
pub fn country(code: &str) -> Option<Country> {
    let code = code.trim_ascii();
    let mut upper = [0u8; 3];
    let upper = upper.get_mut(..code.len())?;
    upper.copy_from_slice(code.as_bytes());
    upper.make_ascii_uppercase();
    let at = match &*upper {
        b"UK" => by_alpha2(b"GB"),
        b"EL" => by_alpha2(b"GR"),
        [_, _] => by_alpha2(upper),
        [_, _, _] => by_alpha3(upper),
        _ => None,
    };
    let (alpha2, alpha3) = COUNTRIES[at?];
    Some(Country { alpha2, alpha3 })
}

fn by_alpha2(code: &[u8]) -> Option<usize> {
    COUNTRIES.binary_search_by(|(alpha2, _)| alpha2.as_bytes().cmp(code)).ok()
}

fn by_alpha3(code: &[u8]) -> Option<usize> {
    let alpha3 = |at: &u8| COUNTRIES[usize::from(*at)].1.as_bytes();
    let found = BY_ALPHA3.binary_search_by(|at| alpha3(at).cmp(code));
    found.ok().map(|place| usize::from(BY_ALPHA3[place]))
}

/// The places of [`COUNTRIES`] in the order of their alpha-3 codes.
const BY_ALPHA3: [u8; COUNTRIES.len()] = {
    let mut order = [0_u8; COUNTRIES.len()];
    let mut sorted = 0;
    while sorted < COUNTRIES.len() {
        let mut at = sorted;
        while at > 0 && key(sorted) < key(order[at - 1] as usize) {
            order[at] = order[at - 1];
            at -= 1;
        }
        order[at] = sorted as u8;
        sorted += 1;
    }
    order
};

/// An alpha-3 code as a number that sorts alike.
const fn key(country: usize) -> u32 {
    let code = COUNTRIES[country].1.as_bytes();
    (code[0] as u32) << 16 | (code[1] as u32) << 8 | code[2] as u32
}

/// All of ISO 3166-1, by alpha-2 (from the public-domain `country-codes.csv` of
/// datasets/country-codes).
#[rustfmt::skip]
const COUNTRIES: [(&str, &str); 249] = [
    ("AD", "AND"), ("AE", "ARE"), ("AF", "AFG"), ("AG", "ATG"), ("AI", "AIA"), ("AL", "ALB"),
    ("AM", "ARM"), ("AO", "AGO"), ("AQ", "ATA"), ("AR", "ARG"), ("AS", "ASM"), ("AT", "AUT"),
    ("AU", "AUS"), ("AW", "ABW"), ("AX", "ALA"), ("AZ", "AZE"), ("BA", "BIH"), ("BB", "BRB"),
    ("BD", "BGD"), ("BE", "BEL"), ("BF", "BFA"), ("BG", "BGR"), ("BH", "BHR"), ("BI", "BDI"),
    ("BJ", "BEN"), ("BL", "BLM"), ("BM", "BMU"), ("BN", "BRN"), ("BO", "BOL"), ("BQ", "BES"),
    ("BR", "BRA"), ("BS", "BHS"), ("BT", "BTN"), ("BV", "BVT"), ("BW", "BWA"), ("BY", "BLR"),
    ("BZ", "BLZ"), ("CA", "CAN"), ("CC", "CCK"), ("CD", "COD"), ("CF", "CAF"), ("CG", "COG"),
    ("CH", "CHE"), ("CI", "CIV"), ("CK", "COK"), ("CL", "CHL"), ("CM", "CMR"), ("CN", "CHN"),
    ("CO", "COL"), ("CR", "CRI"), ("CU", "CUB"), ("CV", "CPV"), ("CW", "CUW"), ("CX", "CXR"),
    ("CY", "CYP"), ("CZ", "CZE"), ("DE", "DEU"), ("DJ", "DJI"), ("DK", "DNK"), ("DM", "DMA"),
    ("DO", "DOM"), ("DZ", "DZA"), ("EC", "ECU"), ("EE", "EST"), ("EG", "EGY"), ("EH", "ESH"),
    ("ER", "ERI"), ("ES", "ESP"), ("ET", "ETH"), ("FI", "FIN"), ("FJ", "FJI"), ("FK", "FLK"),
    ("FM", "FSM"), ("FO", "FRO"), ("FR", "FRA"), ("GA", "GAB"), ("GB", "GBR"), ("GD", "GRD"),
    ("GE", "GEO"), ("GF", "GUF"), ("GG", "GGY"), ("GH", "GHA"), ("GI", "GIB"), ("GL", "GRL"),
    ("GM", "GMB"), ("GN", "GIN"), ("GP", "GLP"), ("GQ", "GNQ"), ("GR", "GRC"), ("GS", "SGS"),
    ("GT", "GTM"), ("GU", "GUM"), ("GW", "GNB"), ("GY", "GUY"), ("HK", "HKG"), ("HM", "HMD"),
    ("HN", "HND"), ("HR", "HRV"), ("HT", "HTI"), ("HU", "HUN"), ("ID", "IDN"), ("IE", "IRL"),
    ("IL", "ISR"), ("IM", "IMN"), ("IN", "IND"), ("IO", "IOT"), ("IQ", "IRQ"), ("IR", "IRN"),
    ("IS", "ISL"), ("IT", "ITA"), ("JE", "JEY"), ("JM", "JAM"), ("JO", "JOR"), ("JP", "JPN"),
    ("KE", "KEN"), ("KG", "KGZ"), ("KH", "KHM"), ("KI", "KIR"), ("KM", "COM"), ("KN", "KNA"),
    ("KP", "PRK"), ("KR", "KOR"), ("KW", "KWT"), ("KY", "CYM"), ("KZ", "KAZ"), ("LA", "LAO"),
    ("LB", "LBN"), ("LC", "LCA"), ("LI", "LIE"), ("LK", "LKA"), ("LR", "LBR"), ("LS", "LSO"),
    ("LT", "LTU"), ("LU", "LUX"), ("LV", "LVA"), ("LY", "LBY"), ("MA", "MAR"), ("MC", "MCO"),
    ("MD", "MDA"), ("ME", "MNE"), ("MF", "MAF"), ("MG", "MDG"), ("MH", "MHL"), ("MK", "MKD"),
    ("ML", "MLI"), ("MM", "MMR"), ("MN", "MNG"), ("MO", "MAC"), ("MP", "MNP"), ("MQ", "MTQ"),
    ("MR", "MRT"), ("MS", "MSR"), ("MT", "MLT"), ("MU", "MUS"), ("MV", "MDV"), ("MW", "MWI"),
    ("MX", "MEX"), ("MY", "MYS"), ("MZ", "MOZ"), ("NA", "NAM"), ("NC", "NCL"), ("NE", "NER"),
    ("NF", "NFK"), ("NG", "NGA"), ("NI", "NIC"), ("NL", "NLD"), ("NO", "NOR"), ("NP", "NPL"),
    ("NR", "NRU"), ("NU", "NIU"), ("NZ", "NZL"), ("OM", "OMN"), ("PA", "PAN"), ("PE", "PER"),
    ("PF", "PYF"), ("PG", "PNG"), ("PH", "PHL"), ("PK", "PAK"), ("PL", "POL"), ("PM", "SPM"),
    ("PN", "PCN"), ("PR", "PRI"), ("PS", "PSE"), ("PT", "PRT"), ("PW", "PLW"), ("PY", "PRY"),
    ("QA", "QAT"), ("RE", "REU"), ("RO", "ROU"), ("RS", "SRB"), ("RU", "RUS"), ("RW", "RWA"),
    ("SA", "SAU"), ("SB", "SLB"), ("SC", "SYC"), ("SD", "SDN"), ("SE", "SWE"), ("SG", "SGP"),
    ("SH", "SHN"), ("SI", "SVN"), ("SJ", "SJM"), ("SK", "SVK"), ("SL", "SLE"), ("SM", "SMR"),
    ("SN", "SEN"), ("SO", "SOM"), ("SR", "SUR"), ("SS", "SSD"), ("ST", "STP"), ("SV", "SLV"),
    ("SX", "SXM"), ("SY", "SYR"), ("SZ", "SWZ"), ("TC", "TCA"), ("TD", "TCD"), ("TF", "ATF"),
    ("TG", "TGO"), ("TH", "THA"), ("TJ", "TJK"), ("TK", "TKL"), ("TL", "TLS"), ("TM", "TKM"),
    ("TN", "TUN"), ("TO", "TON"), ("TR", "TUR"), ("TT", "TTO"), ("TV", "TUV"), ("TW", "TWN"),
    ("TZ", "TZA"), ("UA", "UKR"), ("UG", "UGA"), ("UM", "UMI"), ("US", "USA"), ("UY", "URY"),
    ("UZ", "UZB"), ("VA", "VAT"), ("VC", "VCT"), ("VE", "VEN"), ("VG", "VGB"), ("VI", "VIR"),
    ("VN", "VNM"), ("VU", "VUT"), ("WF", "WLF"), ("WS", "WSM"), ("YE", "YEM"), ("YT", "MYT"),
    ("ZA", "ZAF"), ("ZM", "ZMB"), ("ZW", "ZWE"),
];

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn codes_of_two_and_three_letters_name_one_country() {
        for (code, alpha3) in [
            ("FR", Some("FRA")),
            ("fra", Some("FRA")),
            (" US ", Some("USA")),
            ("UK", Some("GBR")),
            ("el", Some("GRC")),
            ("ALA", Some("ALA")),
            ("", None),
            ("U", None),
            ("USAA", None),
            ("ZZ", None),
            ("ZZZ", None),
            ("\u{e9}\u{e9}", None),
        ] {
            assert_eq!(country(code).map(|c| c.alpha3), alpha3, "{code:?}");
        }
        for (alpha2, alpha3) in COUNTRIES {
            assert_eq!(country(alpha2), Some(Country { alpha2, alpha3 }));
            assert_eq!(country(alpha3), Some(Country { alpha2, alpha3 }));
        }
    }

    #[test]
    fn every_country_is_found_by_both_codes() {
        for (alpha2, alpha3) in COUNTRIES {
            assert_eq!(country(alpha2).unwrap().alpha3, alpha3);
            assert_eq!(country(alpha3).unwrap().alpha2, alpha2);
        }
        assert!(country("ZZZ").is_none());
    }
}

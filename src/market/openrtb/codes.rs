//! What do the numbers mean? OpenRTB 3.0 / AdCOM code lists that notices and answers carry.
//!
//! Read by the notice path (`${AUCTION_LOSS}`) and by explanations; cold but for the table look-up.

/// Why a bid lost, as `${AUCTION_LOSS}` tells it.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub enum Loss {
    /// 0: it won.
    Won,
    /// The bid or its markup was at fault: an alarm for us.
    OurFault(&'static str),
    /// Below a floor.
    Floor(&'static str),
    /// Somebody paid more.
    Outbid(&'static str),
    /// The exchange's filters.
    Filtered(&'static str),
    /// The exchange's own trouble, or a code that no list names.
    Other(&'static str),
}

impl Loss {
    /// The reason for a code; unknown ones are tolerated (§2.6).
    pub fn of(code: i64) -> Loss {
        let name = loss_name(code);
        match code {
            0 => Loss::Won,
            3..=10 => Loss::OurFault(name),
            100 | 101 => Loss::Floor(name),
            102 | 103 => Loss::Outbid(name),
            104 | 200..=215 => Loss::Filtered(name),
            _ => Loss::Other(name),
        }
    }

    /// The label of a metric or a report.
    pub const fn name(self) -> &'static str {
        match self {
            Loss::Won => "won",
            Loss::OurFault(name)
            | Loss::Floor(name)
            | Loss::Outbid(name)
            | Loss::Filtered(name)
            | Loss::Other(name) => name,
        }
    }
}

/// OpenRTB 3.0, List: Loss Reason Codes.
pub const fn loss_name(code: i64) -> &'static str {
    match code {
        0 => "won",
        1 => "internal_error",
        2 => "opportunity_expired",
        3 => "invalid_response",
        4 => "invalid_deal_id",
        5 => "invalid_auction_id",
        6 => "invalid_adomain",
        7 => "missing_markup",
        8 => "missing_crid",
        9 => "missing_price",
        10 => "missing_approval_data",
        100 => "below_auction_floor",
        101 => "below_deal_floor",
        102 => "lost_to_higher_bid",
        103 => "lost_to_deal",
        104 => "seat_blocked",
        200 => "creative_filtered",
        201 => "creative_pending",
        202 => "creative_disapproved",
        203 => "creative_size",
        204 => "creative_format",
        205 => "creative_advertiser",
        206 => "creative_app_store_id",
        207 => "creative_not_secure",
        208 => "creative_language",
        209 => "creative_category",
        210 => "creative_attribute",
        211 => "creative_ad_type",
        212 => "creative_animation",
        213 => "creative_not_in_deal",
        214 => "creative_skadnetwork",
        215 => "creative_app_bundle",
        500.. => "exchange_specific",
        _ => "unknown",
    }
}

/// OpenRTB 3.0, List: No-Bid Reason Codes.
pub const fn no_bid_name(code: i64) -> &'static str {
    match code {
        0 => "unknown_error",
        1 => "technical_error",
        2 => "invalid_request",
        3 => "known_web_crawler",
        4 => "suspected_non_human",
        5 => "cloud_or_proxy_ip",
        6 => "unsupported_device",
        7 => "blocked_publisher",
        8 => "unmatched_user",
        9 => "daily_user_cap",
        10 => "daily_domain_cap",
        11 => "ads_txt_unavailable",
        12 => "ads_txt_violation",
        13 => "ads_cert_unavailable",
        14 => "ads_cert_violation",
        15 => "insufficient_time",
        16 => "incomplete_supply_chain",
        17 => "blocked_supply_chain_node",
        500.. => "exchange_specific",
        _ => "unknown",
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn codes_group_as_the_lists_do() {
        assert_eq!(Loss::of(0), Loss::Won);
        assert_eq!(Loss::of(7), Loss::OurFault("missing_markup"));
        assert_eq!(Loss::of(101).name(), "below_deal_floor");
        assert_eq!(Loss::of(102), Loss::Outbid("lost_to_higher_bid"));
        assert_eq!(Loss::of(209), Loss::Filtered("creative_category"));
        assert_eq!(Loss::of(777).name(), "exchange_specific");
        assert_eq!(Loss::of(-4).name(), "unknown");
        assert_eq!(Loss::of(42), Loss::Other("unknown"));
    }

    #[test]
    fn our_no_bid_codes_are_named_by_the_list_or_are_ours() {
        use crate::market::outcome::NoBid;
        for reason in NoBid::ALL {
            assert_ne!(no_bid_name(reason.nbr()), "unknown", "{}", reason.label());
        }
    }
}

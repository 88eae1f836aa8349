//! How did it end? Every request ends in exactly one [`Outcome`], every line in one [`Refusal`].
//!
//! Reason → metric label → IAB code in one table, used by the flows, the doors (metrics, `nbr`),
//! the record and `explain`; hot as small `Copy` enums.

/// The end of one bid request.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
#[must_use]
pub enum Outcome {
    Bid,
    NoBid(NoBid),
    /// 400 with an empty body.
    Malformed(Malformed),
}

use crate::base::stdx::labels::labels;

macro_rules! reasons {
    ($(#[$doc:meta])* $name:ident {
        $($(#[$vdoc:meta])* $variant:ident = $label:literal, $nbr:literal;)*
    }) => {
        labels! {
            $(#[$doc])*
            $name { $($(#[$vdoc])* $variant = $label;)* }
        }

        impl $name {
            /// OpenRTB no-bid reason (AdCOM "No-Bid Reason Codes"); 500+ are ours.
            pub const fn nbr(self) -> i64 {
                match self { $($name::$variant => $nbr),* }
            }
        }
    };
}

reasons! {
    /// Why a well-formed request got no bid: what 204 is counted under.
    NoBid {
        /// No imp offers audio.
        NotAudio = "not_audio", 6;
        /// Audio is offered, but in no form that we write (VAST 1, DAAST, wrappers only; no mime of
        /// ours).
        FormatUnsupported = "format_unsupported", 500;
        /// No currency of the request has a rate.
        CurrencyUnsupported = "currency_unsupported", 501;
        /// Our seats are not wanted (`wseat`, `bseat`).
        SeatBlocked = "seat_blocked", 502;
        /// `tmax` leaves no time after the network's share.
        TooLate = "too_late", 15;
        /// The deadline passed while we decided.
        DeadlinePassed = "deadline_passed", 15;
        /// More is in flight than may be.
        Overloaded = "overloaded", 1;
        /// No line targets this listener and moment.
        NoLineTargets = "no_line_targets", 503;
        /// Lines target it, but none may run now: budget, cap, flight, pause.
        NoLineMay = "no_line_may", 504;
        /// Lines may run, but none has a creative that fits the slot or passes the blocks.
        NoCreativeFits = "no_creative_fits", 505;
        /// A creative fits, but no bid reaches the floor.
        BelowFloor = "below_floor", 506;
        /// A private auction without a deal of ours.
        NoDealMatches = "no_deal_matches", 507;
        /// The fitting ads cannot fill the pod under its rules.
        PodUnfilled = "pod_unfilled", 508;
        /// A supply chain that is incomplete or blocked.
        SupplyChain = "supply_chain", 16;
        /// The decision could not be recorded, so it was not made.
        RecordFull = "record_full", 1;
        /// The exchange is known but switched off, or the server drains.
        NotServing = "not_serving", 509;
        /// The answer would not fit its buffer.
        AnswerTooLarge = "answer_too_large", 510;
        /// A defect of ours; never seen in healthy operation.
        Internal = "internal", 1;
        /// The app or site hoards wins: it is in the penalty box for now.
        SupplyBoxed = "supply_boxed", 7;
        /// One impression would be paid as several (`imp.qty.multiplier`): we sell one listener.
        QuantityUnsupported = "quantity_unsupported", 511;
        /// The listener's consent allows no ad of ours at all, not even by the music.
        NoConsent = "no_consent", 513;
        /// DSA transparency is required, and none of the lines can give it.
        DsaRequired = "dsa_required", 514;
    }
}

reasons! {
    /// Why a request was refused as malformed: what 400 is counted under.
    Malformed {
        /// Not JSON or protobuf at all: syntax, NaN, trailing data, wrong UTF-8.
        Unparseable = "unparseable", 2;
        MissingId = "missing_id", 2;
        MissingImp = "missing_imp", 2;
        DuplicateImpId = "duplicate_imp_id", 2;
        SiteAndApp = "site_and_app", 2;
        /// The only thing offered is an audio object without mimes.
        AudioWithoutMimes = "audio_without_mimes", 2;
        /// The only thing offered is an audio object with impossible numbers.
        AudioImpossible = "audio_impossible", 2;
        TooManyImps = "too_many_imps", 2;
        /// The body, inflated, is larger than allowed or inflates too much.
        TooLarge = "too_large", 2;
        /// gzip that does not inflate.
        BadEncoding = "bad_encoding", 2;
        /// No exchange of this name.
        UnknownExchange = "unknown_exchange", 2;
        /// HTTP that is ambiguous or outside the limits.
        BadHttp = "bad_http", 2;
    }
}

reasons! {
    /// Why a line did not win a slot; what `explain` says of it. The order is that of the checks.
    Refusal {
        Paused = "paused", 503;
        OutOfFlight = "out_of_flight", 503;
        Targeting = "targeting", 503;
        NotInThisMarket = "not_in_this_market", 507;
        SeatNotWanted = "seat_not_wanted", 502;
        AdvertiserBlocked = "advertiser_blocked", 505;
        CategoryBlocked = "category_blocked", 505;
        AppBlocked = "app_blocked", 505;
        NoCreative = "no_creative", 505;
        Duration = "duration", 505;
        Mime = "mime", 505;
        Bitrate = "bitrate", 505;
        DeliveryMethod = "delivery_method", 505;
        Attribute = "attribute", 505;
        Api = "api", 505;
        NotSecure = "not_secure", 505;
        Language = "language", 505;
        MezzanineMissing = "mezzanine_missing", 505;
        CurrencyUnsupported = "currency_unsupported", 501;
        BelowFloor = "below_floor", 506;
        Outbid = "outbid", 506;
        BudgetSpent = "budget_spent", 504;
        Capped = "capped", 504;
        CapUnknowable = "cap_unknowable", 504;
        Paced = "paced", 504;
        PodSeparation = "pod_separation", 508;
        AskLimit = "ask_limit", 504;
        /// More holds are open than may be; seen only when the sweeper falls behind.
        HoldsFull = "holds_full", 504;
        /// Its money runs out so fast that something must be wrong: the breaker holds it back.
        Breaker = "breaker", 504;
        /// Too few listeners meet its clauses about the listener: one could be singled out.
        CrowdTooSmall = "crowd_too_small", 504;
        /// DSA transparency is required, and its advertiser has not said whom the ads are for, or
        /// the publisher cannot show it.
        DsaUntold = "dsa_untold", 514;
    }
}

impl Outcome {
    /// What the outcome is counted under.
    pub const fn label(self) -> &'static str {
        match self {
            Outcome::Bid => "bid",
            Outcome::NoBid(reason) => reason.label(),
            Outcome::Malformed(reason) => reason.label(),
        }
    }

    /// An end that should never be seen in healthy operation.
    pub const fn is_bug(self) -> bool {
        matches!(self, Outcome::NoBid(NoBid::Internal))
    }
}

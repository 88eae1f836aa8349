//! On which terms does it run? Budgets, pacing and caps, as campaign files say them.
//!
//! Part of the [`model`](super::model): read cold, asked by delivery (hot), never mutated. Amounts
//! are nanos of the account's currency.

use std::sync::Arc;

pub use crate::base::units::calendar::Unit;

/// What may be spent; without a limit where nothing is said.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub struct Budget {
    /// Over the whole life.
    pub total: Option<i64>,
    /// On each day of the account's zone.
    pub daily: Option<i64>,
    pub mode: BudgetMode,
}

/// What a bid takes from its budgets until it is settled.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub enum BudgetMode {
    /// Its whole price: never overspent.
    #[default]
    Strict,
    /// Its price times how likely it is to win: overspent by at most one per cent of a day.
    Expected,
}

impl Budget {
    pub const NONE: Budget = Budget { total: None, daily: None, mode: BudgetMode::Strict };

    pub const fn total(nanos: i64) -> Budget {
        Budget { total: Some(nanos), ..Budget::NONE }
    }

    pub const fn daily(nanos: i64) -> Budget {
        Budget { daily: Some(nanos), ..Budget::NONE }
    }
}

/// How the money is spread over time.
#[derive(Debug, Clone, PartialEq, Eq, Default)]
pub struct Pacing {
    pub shape: Shape,
    /// The share of each hour of the week in the traffic, in millionths, a million in all; from
    /// Monday midnight in the account's zone. Learned where it is not given.
    pub traffic: Option<Arc<[u32; 168]>>,
}

#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub enum Shape {
    /// In proportion to the traffic.
    Even,
    /// Faster than that at the start, and less and less so.
    Front,
    /// As fast as bids win.
    #[default]
    Asap,
}

/// At most so many impressions for one listener within a window.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Cap {
    pub impressions: u16,
    pub window: Window,
}

#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub enum Window {
    /// Any span of so many seconds.
    Rolling { seconds: u32 },
    /// A unit of the account's calendar.
    Calendar(Unit),
    /// As long as it runs.
    Flight,
}

/// The most caps that one line, campaign, advertiser or creative may have.
pub const CAPS_MAX: usize = 6;

impl Cap {
    pub const fn rolling(impressions: u16, seconds: u32) -> Cap {
        Cap { impressions, window: Window::Rolling { seconds } }
    }
}

impl Window {
    /// How long it lasts at most, in seconds; for ever: `u32::MAX`.
    pub const fn longest_s(self) -> u32 {
        match self {
            Window::Rolling { seconds } => seconds,
            Window::Calendar(Unit::Hour) => 3600,
            // With the hour that a clock goes back.
            Window::Calendar(Unit::Day) => 25 * 3600,
            Window::Calendar(Unit::Week) => (7 * 24 + 1) * 3600,
            Window::Calendar(Unit::Month) => (31 * 24 + 1) * 3600,
            Window::Flight => u32::MAX,
        }
    }
}

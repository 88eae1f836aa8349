//! How does an explanation read? Plain words in aligned columns, for a terminal of 100 columns.
//!
//! Called by `Display` of [`Explanation`]; cold.

use std::fmt;

use super::{Explanation, LineExplained, Provided, SlotExplained, Withheld};

impl fmt::Display for Explanation {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        writeln!(f, "request      {}", self.request_id)?;
        writeln!(f, "exchange     {}", self.exchange)?;
        writeln!(f, "world        {}", self.world)?;
        match self.nbr {
            None => writeln!(f, "outcome      {}", self.outcome)?,
            Some(nbr) => writeln!(f, "outcome      no bid: {} (nbr {nbr})", self.outcome)?,
        }
        writeln!(f, "permissions  {}", self.permissions)?;
        writeln!(f, "listener     {}", self.listener)?;
        self.write_facts(f)?;
        for slot in &self.slots {
            write_slot(slot, f)?;
        }
        for bid in &self.bids {
            let deal = bid.deal.as_deref().unwrap_or("open market");
            writeln!(f, "\nbid {}  imp `{}`  {deal}", bid.bid, bid.impid)?;
            let (price, floor, currency) = (&bid.price_cpm, &bid.floor_cpm, &bid.currency);
            writeln!(f, "  line {}  creative {}", bid.line, bid.creative)?;
            writeln!(f, "  price {price} {currency} CPM, floor {floor}")?;
            writeln!(f, "{}", bid.vast)?;
        }
        Ok(())
    }
}

impl Explanation {
    fn write_facts(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        writeln!(f, "\nfacts")?;
        for fact in &self.facts {
            if let Some(values) = &fact.values {
                let none = "known, none of ours";
                let text = if values.is_empty() { none.to_owned() } else { values.join(", ") };
                writeln!(f, "  {:<17} {text}", fact.dimension)?;
            }
        }
        for Withheld { moment, why } in &self.withheld {
            writeln!(f, "  {:<17} {moment} withheld: {why}", "mood")?;
        }
        for known in &self.provided {
            let Provided { dimension, value, provider, cpm, currency, legal_basis } = known;
            writeln!(
                f,
                "  {dimension:<17} {value}: of {provider}, {cpm} {currency} CPM, {legal_basis}"
            )?;
        }
        let unknown = self.facts.iter().filter(|fact| fact.values.is_none());
        let unknown: Vec<&str> = unknown.map(|fact| fact.dimension).collect();
        if unknown.is_empty() {
            return Ok(());
        }
        writeln!(f, "  unknown: {}", unknown.join(", "))
    }
}

fn write_slot(slot: &SlotExplained, f: &mut fmt::Formatter<'_>) -> fmt::Result {
    writeln!(f, "\nimp `{}`: {}", slot.impid, slot.offer)?;
    let mut lines: Vec<&LineExplained> = slot.lines.iter().collect();
    lines.sort_by_key(|line| match line.verdict {
        "won" => 0,
        "outbid" => 1,
        _ => 2,
    });
    for line in lines {
        let mark = if line.verdict == "won" { '*' } else { ' ' };
        let market = line.deal.as_ref().map(|deal| format!(" on {deal}")).unwrap_or_default();
        let name = format!("{}{market}", line.line);
        writeln!(f, "{mark} {name:<34} {:<18} {}", line.verdict, line.detail)?;
        if let Some(fee) = &line.fee {
            let cpm = fee.cpm.as_deref().unwrap_or("(no rate)");
            let to = fee.providers.join(", ");
            writeln!(f, "  {:<34} {:<18} {cpm} {} CPM to {to}", "", "data fee", fee.currency)?;
        }
    }
    Ok(())
}

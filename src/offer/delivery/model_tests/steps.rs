//! The steps of a run: what is done to the book, and to the model beside it.

use super::*;

impl Run {
    /// Other budgets.
    pub(super) fn publish(&mut self) {
        for i in 0..LINES {
            self.lines[i].budget = self.budget();
        }
        self.campaign.budget = self.budget();
        self.advertiser.prepaid = self.rng.chance(0.5);
        let owners = ([self.campaign.clone()], [self.advertiser.clone()]);
        self.desk = self.book.desk_owned(&self.lines, &owners.0, &owners.1).unwrap();
        let daily = |id: &BudgetId| id.day().is_some();
        for i in 0..LINES {
            let Budget { total, daily: each, .. } = self.lines[i].budget;
            self.sums(BudgetId::Line(line_id(i), None)).limit = total;
            let of_line = |id: &BudgetId| matches!(id, BudgetId::Line(l, _) if *l == line_id(i));
            let days = self.model.iter_mut().filter(|(id, _)| daily(id) && of_line(id));
            days.for_each(|(_, sums)| sums.limit = each);
        }
        let Budget { total, daily: each, .. } = self.campaign.budget;
        self.sums(BudgetId::Campaign(self.campaign.id, None)).limit = total;
        let of_campaign = |id: &BudgetId| matches!(id, BudgetId::Campaign(..));
        let days = self.model.iter_mut().filter(|(id, _)| daily(id) && of_campaign(id));
        days.for_each(|(_, sums)| sums.limit = each);
        self.fund_limit();
    }

    pub(super) fn fund_limit(&mut self) {
        let limit = self.advertiser.prepaid.then_some(self.paid_in);
        self.sums(BudgetId::Funds(self.advertiser.id)).limit = limit;
    }

    pub(super) fn sums(&mut self, id: BudgetId) -> &mut Sums {
        self.model.entry(id).or_default()
    }

    /// The limit of each day of a line or campaign.
    pub(super) fn daily(&self, id: BudgetId) -> Option<i64> {
        match id {
            BudgetId::Line(line, _) => self.lines[(line.0 - 100) as usize].budget.daily,
            _ => self.campaign.budget.daily,
        }
    }

    /// What the book made of its own accord: days, in the model as in the book.
    pub(super) fn learn_days(&mut self) {
        for i in 0..LINES {
            for moment in [self.now.plus_s(-86_400), self.now, self.now.plus_s(7200)] {
                for id in self.budgets(i, moment) {
                    if id.day().is_some() && self.book.with_pot((id, USD), |_| ()).is_some() {
                        let limit = self.daily(id);
                        self.model.entry(id).or_insert(Sums { limit, ..Sums::default() });
                    }
                }
            }
        }
    }

    pub(super) fn turn(&mut self, durable: bool) {
        let turn = self.book.turn(self.now);
        if self.ghosts_until.is_some_and(|until| until <= self.now) {
            self.ghosts_until = None;
            self.model.values_mut().for_each(|sums| sums.ghost = 0);
        }
        self.learn_days();
        self.journal(&turn, durable);
    }

    pub(super) fn journal(&mut self, turn: &Turn, durable: bool) {
        let mut raised = Vec::new();
        for entry in &turn.entries {
            // A lease that is lowered holds at once; what is not durable never was.
            if let Entry::Leases(leases) = entry {
                for lease in &leases.leases {
                    let sums = self.model.get_mut(&lease.budget).unwrap();
                    let committed = sums.spent + sums.held + sums.ghost;
                    assert!(lease.ceiling >= committed, "{lease:?} {sums:?}");
                    let limit = sums.limit.unwrap();
                    if lease.ceiling < sums.ceiling {
                        sums.ceiling = lease.ceiling;
                    } else {
                        assert!(lease.ceiling <= limit, "{lease:?} {sums:?}");
                        raised.push((lease.budget, lease.ceiling));
                    }
                }
            }
            self.ledger.apply(entry).unwrap();
        }
        // Between the journal and the book: a crash comes here, or nothing does.
        if durable {
            self.book.granted(turn);
            raised.iter().for_each(|&(id, ceiling)| self.sums(id).ceiling = ceiling);
        } else {
            self.crash();
        }
    }

    pub(super) fn hold(&mut self) {
        let line = self.rng.below(LINES);
        // Nothing is ever bid for nothing.
        let price = self.rng.between(1, 40) as i64;
        self.next += 1;
        let hold = Hold {
            bid: BidId(self.next),
            line: LineIx(line as u32),
            creative: CreativeIx(0),
            listener: None,
            price: Money::new(price, USD),
            moment: self.now,
            expires: self.now.plus_s(TICKET_S),
            win_by: self.rng.chance(0.5).then(|| self.now.plus_s(10)),
            test: false,
        };
        let budgets = self.budgets(line, self.now);
        let limited = |id: BudgetId| match id.day() {
            Some(_) => self.daily(id).is_some(),
            None => self.model[&id].limit.is_some(),
        };
        let limited: Vec<BudgetId> = budgets.into_iter().filter(|&id| limited(id)).collect();
        let fits = limited.iter().all(|id| {
            self.model.get(id).is_some_and(|sums| {
                let bound = sums.limit.unwrap().min(sums.ceiling);
                sums.spent + sums.held + sums.ghost + price <= bound
            })
        });
        let expected = if fits { Ok(()) } else { Err(Refusal::BudgetSpent) };
        let got = self.desk.live().hold(&hold);
        if got == Err(Refusal::HoldsFull) {
            return self.book.sweep(self.now);
        }
        assert_eq!(got, expected, "{limited:?} {price} {:?}", self.model);
        if fits {
            let took: BTreeMap<_, _> = limited.into_iter().map(|id| (id, price)).collect();
            took.iter().for_each(|(id, nanos)| self.model.get_mut(id).unwrap().held += nanos);
            let ends = hold.win_by.unwrap_or(hold.expires);
            let bid = Bid {
                line,
                made: self.now,
                price,
                expires: ends,
                won: false,
                took,
                charged: false,
            };
            self.bids.insert(self.next, bid);
        }
    }

    pub(super) fn any_bid(&mut self) -> Option<u64> {
        let keys: Vec<u64> = self.bids.keys().copied().collect();
        self.rng.pick(&keys).copied()
    }

    pub(super) fn charge(&mut self) {
        let Some(key) = self.any_bid() else { return };
        let bid = &self.bids[&key];
        // The till sees to it that nothing is charged twice or late.
        if bid.charged || self.now >= bid.made.plus_s(TICKET_S) {
            return;
        }
        let (line, made, price) = (bid.line, bid.made, bid.price);
        let charge = self.rng.between(0, price as usize) as i64;
        let held = self.book.lock_has(BidId(key));
        let took = self.bids.get_mut(&key).map(|bid| std::mem::take(&mut bid.took)).unwrap();
        let haunted = !held && made < self.started;
        let budgets = self.budgets(line, made);
        for id in budgets.into_iter().filter(|id| id.day().is_some()) {
            let limit = self.daily(id);
            self.model.entry(id).or_insert(Sums { limit, ..Sums::default() });
        }
        let plan = budgets.map(|id| {
            let sums = &self.model[&id];
            let had = took.get(&id).copied().unwrap_or(0);
            let drawn = if haunted { sums.ghost.min(charge) } else { 0 };
            let more = (charge - had - drawn).max(0);
            let committed = sums.spent + sums.held + sums.ghost;
            let most = sums.limit.map_or(i64::MAX, |limit| limit.min(sums.ceiling));
            (id, had, drawn, more == 0 || committed + more <= most)
        });
        let payable = plan.iter().all(|&(.., fits)| fits);
        for (id, had, drawn, _) in plan {
            let sums = self.sums(id);
            sums.held -= had;
            if payable {
                sums.ghost -= drawn;
                sums.spent += charge;
            }
        }
        let due = Due {
            bid: BidId(key),
            line: line_id(line),
            made,
            charge: Money::new(charge, USD),
            open: true,
        };
        let got = self.book.charge(&due);
        let expected = match (payable, held) {
            (false, _) => Charge::NoFunds,
            (true, true) => Charge::FromHold,
            (true, false) => Charge::FromFunds,
        };
        assert_eq!(got, expected, "{due:?} {plan:?}");
        self.bids.get_mut(&key).unwrap().charged = payable;
        self.charged += if payable { charge } else { 0 };
        if payable {
            self.tell_charge(&due, line, price);
        }
    }

    pub(super) fn tell_charge(&mut self, due: &Due, line: usize, price: i64) {
        let owner = self.book.owner(due.line, USD, due.made);
        assert_eq!(owner.day, self.day(due.made));
        let entry = NoticeEntry {
            kind: Kind::Impression,
            effect: Effect::Charged,
            rule: PriceRule::AsTold,
            moment: self.now,
            made: due.made,
            day: owner.day,
            bid: due.bid,
            line: line_id(line),
            campaign: owner.campaign,
            advertiser: owner.advertiser,
            creative: 0,
            exchange: ExchangeIx(0),
            price: due.charge,
            charged: due.charge,
            due_nanos: due.charge.nanos,
            held_nanos: price,
            expires: due.made.plus_s(TICKET_S),
            rates: 0,
            loss: -1,
            min_to_win: -1,
            billable: true,
            conflict: None,
        };
        self.ledger.apply(&Entry::Notice(entry)).unwrap();
    }

    pub(super) fn release(&mut self) {
        let Some(key) = self.any_bid() else { return };
        let held = self.book.lock_has(BidId(key));
        let bid = self.bids.get_mut(&key).unwrap();
        let even_if_won = self.next.is_multiple_of(2);
        let expected = match held {
            false => Released::NotHeld,
            true if bid.won && !even_if_won => Released::Won,
            true => Released::Yes,
        };
        let line = line_id(bid.line);
        if expected == Released::Yes {
            let took = std::mem::take(&mut bid.took);
            took.iter().for_each(|(id, nanos)| self.model.get_mut(id).unwrap().held -= nanos);
        }
        assert_eq!(self.book.release(BidId(key), line, even_if_won), expected);
    }

    pub(super) fn win(&mut self) {
        let Some(key) = self.any_bid() else { return };
        let held = self.book.lock_has(BidId(key));
        let bid = self.bids.get_mut(&key).unwrap();
        assert_eq!(self.book.won(BidId(key), line_id(bid.line)), held);
        if held {
            bid.won = true;
            bid.expires = bid.made.plus_s(TICKET_S);
        }
    }

    /// Time passes: what has ended gives back what it took.
    pub(super) fn pass(&mut self) {
        let step = [1, 9, 11, 600, 3601, 6 * 3600, 86_400][self.rng.below(7)];
        self.now = self.now.plus_s(step as i64);
        self.book.sweep(self.now);
        for bid in self.bids.values_mut().filter(|bid| bid.expires <= self.now) {
            let took = std::mem::take(&mut bid.took);
            took.iter().for_each(|(id, nanos)| self.model.get_mut(id).unwrap().held -= nanos);
        }
        let now = self.now;
        self.bids.retain(|_, bid| bid.made.plus_s(2 * TICKET_S) > now);
        if step > 3600 {
            self.turn(true);
        }
    }

    pub(super) fn pay(&mut self) {
        let amount = self.rng.between(1, 300) as i64;
        let refund = self.rng.chance(0.3);
        let nanos = if refund { -amount } else { amount };
        let id = BudgetId::Funds(self.advertiser.id);
        let sums = self.sums(id).clone();
        let bound = sums.ceiling.max(sums.spent + sums.held + sums.ghost);
        // Who pays afterwards gets nothing back that was not paid in.
        let free =
            self.paid_in - if self.advertiser.prepaid { bound } else { sums.spent + 999_999 };
        if refund && !self.advertiser.prepaid {
            return;
        }
        let fits = !refund || amount <= free;
        assert_eq!(self.book.fund(self.advertiser.id, Money::new(nanos, USD)), fits, "{sums:?}");
        if fits {
            self.paid_in += nanos;
            self.fund_limit();
            let kind = if refund { FundsKind::Refund } else { FundsKind::TopUp };
            self.next += 1;
            let entry = Entry::Funds(Funds {
                kind,
                moment: self.now,
                advertiser: self.advertiser.id,
                name: "a".to_owned(),
                amount: Money::new(amount, USD),
                key: self.next.to_string(),
                author: String::new(),
                memo: String::new(),
            });
            self.ledger.apply(&entry).unwrap();
        }
    }

    /// An end in order.
    pub(super) fn close(&mut self) {
        let turn = self.book.closing_turn(self.now);
        self.journal(&turn, true);
        self.crash();
        for (id, sums) in &self.model {
            assert!(sums.ghost <= sums.ceiling - sums.spent, "{id:?}");
        }
    }

    /// All that is not in the journal is gone.
    pub(super) fn crash(&mut self) {
        self.started = self.now;
        // A ticket is good to the end of its last second, and so is what stands for it.
        self.ghosts_until = Some(self.now.plus_s(TICKET_S).whole_s_up());
        self.book = Arc::new(Book::leased(&small()));
        self.book.seed(&self.ledger, self.now, TICKET_S);
        for (id, sums) in &mut self.model {
            // A lease may have been journalled and not been granted.
            let told = self.ledger.budget(*id, USD).copied();
            let ceiling = told.map_or(0, |told| told.ceiling());
            assert_eq!(told.map_or(0, |told| told.spent), sums.spent, "{id:?}");
            sums.held = 0;
            sums.ceiling = ceiling;
            sums.ghost = 0;
            if told.is_some_and(|told| told.limited) {
                sums.ghost = ceiling - sums.spent;
            }
        }
        self.bids.values_mut().for_each(|bid| bid.took.clear());
        let owners = ([self.campaign.clone()], [self.advertiser.clone()]);
        self.desk = self.book.desk_owned(&self.lines, &owners.0, &owners.1).unwrap();
        self.turn(true);
    }
}

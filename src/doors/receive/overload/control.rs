//! How much is to be turned away? From what was measured to orders; pure, some fifty times a
//! second.
//!
//! A queue is standing when even its shortest moment of the last tenth of a second was too long
//! (as CoDel has it): a burst that drains is let be. While it stands, the share of 204s rises up
//! to where saying 204 would cost more than the configured part of our time; beyond that, as many
//! connections are left unread as there is work too much, by Little's law: rate × time in queue.
//! They come back as room shows, and in turn, so that none waits for ever: what is asked on these
//! has waited too long and is answered late, so they are few beside all answers.

use std::collections::VecDeque;

/// What was measured since the last turn.
#[derive(Clone, Copy, Default, Debug)]
pub struct Seen {
    pub took_s: f64,
    /// The shortest time that work waited for its turn.
    pub queue_us: u32,
    pub asked: u64,
    pub decided: u64,
    pub decided_ns: u64,
    /// Processor time of the whole process.
    pub cpu_ns: u64,
    /// Connections that are left unread now.
    pub held: usize,
}

/// What the door does until the next turn.
#[derive(Clone, Copy, PartialEq, Default, Debug)]
pub struct Orders {
    /// Of all requests, so many get 204 unread.
    pub shed: f64,
    /// So many connections more are left unread.
    pub hold: i64,
    /// So many of those are read again.
    pub release: usize,
    /// What a decided request costs, for show.
    pub cost_us: f64,
}

pub struct Control {
    target_us: f64,
    shed_cost: f64,
    hold_s: f64,
    /// Parts of connections whose turn it is.
    in_turn: f64,
    /// The last shortest times, [`STANDING_S`] of them.
    queues: VecDeque<(f64, u32)>,
    /// From nothing (0) to as many 204s as we can afford (1).
    pressure: f64,
    /// Requests a second, learned.
    rate: f64,
    costs: Costs,
}

/// A queue that never was short for so long is standing.
const STANDING_S: f64 = 0.1;

/// How fast the pressure follows, a second: at twice the target, and back without a queue.
const RISE: f64 = 2.0;
/// At so many times the target it is at its most with the next turn: a tenth of a second of
/// requests waits already.
const OVER_MAX: f64 = 25.0;
const FALL: f64 = 2.0;

/// Holding and releasing aim at this part of the target, so that it is not passed.
const AIM: f64 = 0.7;

/// Of the requests, so many at most are of connections that are read because it is their turn …
const LATE: f64 = 0.005;
/// … but so many a second, however few requests there are.
const SLOW_PER_S: f64 = 50.0;

/// Of the room that shows, so much is for connections that come back: what they bring is late.
const EAGER: f64 = 0.5;

impl Control {
    pub fn new(config: &super::Config) -> Control {
        Control {
            target_us: f64::from(config.queue_target_us),
            shed_cost: f64::from(config.shed_cost_percent) / 100.0,
            hold_s: f64::from(config.hold_ms) / 1e3,
            in_turn: 0.0,
            queues: VecDeque::new(),
            pressure: 0.0,
            rate: 0.0,
            costs: Costs::default(),
        }
    }

    pub fn turn(&mut self, seen: &Seen) -> Orders {
        self.costs.learn(seen);
        let cost_us = self.costs.full_us();
        if self.target_us <= 0.0 {
            return Orders { cost_us, ..Orders::default() };
        }
        self.rate += RATE_LEARN * (seen.asked as f64 / seen.took_s.max(1e-3) - self.rate);
        let over = (self.standing_us(seen) / self.target_us - 1.0).clamp(-1.0, OVER_MAX);
        let speed = if over > 0.0 { RISE } else { FALL };
        self.pressure = (self.pressure + speed * over * seen.took_s).clamp(0.0, 1.0);
        let shed = self.pressure * self.costs.shed_max(self.shed_cost);
        let (hold, release) = self.unread(seen);
        Orders { shed, hold, release, cost_us }
    }

    /// How many connections more are left unread, or how many fewer.
    fn unread(&mut self, seen: &Seen) -> (i64, usize) {
        let (queue_us, aim_us) = (f64::from(seen.queue_us), AIM * self.target_us);
        if self.pressure >= 1.0 && queue_us > self.target_us {
            return ((self.rate * (queue_us - aim_us) / 1e6) as i64, 0);
        }
        // By what could be done, not by what is: that is nothing where nobody is read.
        let room = (aim_us - queue_us) / self.costs.full_us().max(1.0);
        let few = (LATE * seen.asked as f64).max(SLOW_PER_S * seen.took_s);
        self.in_turn += (seen.held as f64 * seen.took_s / self.hold_s).min(few);
        let whole = self.in_turn.floor();
        self.in_turn -= whole;
        (0, whole.max((EAGER * room).ceil()) as usize)
    }

    /// The shortest time that work waited, over the last tenth of a second; 0 until then.
    fn standing_us(&mut self, seen: &Seen) -> f64 {
        self.queues.push_back((seen.took_s, seen.queue_us));
        let mut kept: f64 = self.queues.iter().map(|(took_s, _)| took_s).sum();
        // Two at the least, however long they took.
        while self.queues.len() > 2 && kept - self.queues[0].0 >= STANDING_S {
            kept -= self.queues[0].0;
            self.queues.pop_front();
        }
        let least = self.queues.iter().map(|(_, queue_us)| *queue_us).min().unwrap_or(0);
        // Never of one look alone: a moment in which we did not run is not a queue.
        let long = kept >= STANDING_S && self.queues.len() > 1;
        if long { f64::from(least) } else { 0.0 }
    }
}

/// What a decided request costs us, and what a 204: learned.
#[derive(Default)]
struct Costs {
    decision_ns: f64,
    shed_ns: f64,
}

/// How much of what was learned one turn replaces.
const LEARN: f64 = 0.1;
const RATE_LEARN: f64 = 0.2;

/// Fewer requests than this tell nothing of costs.
const FEW: u64 = 50;

impl Costs {
    fn learn(&mut self, seen: &Seen) {
        if seen.decided < FEW {
            return;
        }
        let decision = seen.decided_ns as f64 / seen.decided as f64;
        let rest = (seen.cpu_ns as f64 - seen.decided_ns as f64).max(0.0) / seen.asked as f64;
        let mix = |old: f64, new: f64| if old == 0.0 { new } else { old + LEARN * (new - old) };
        self.decision_ns = mix(self.decision_ns, decision);
        self.shed_ns = mix(self.shed_ns, rest);
    }

    fn full_us(&self) -> f64 {
        (self.shed_ns + self.decision_ns) / 1e3
    }

    /// The share of requests at which their 204s take the part `cost` of our time.
    fn shed_max(&self, cost: f64) -> f64 {
        let full = self.shed_ns + self.decision_ns;
        if full <= 0.0 {
            return cost;
        }
        cost / (cost + (1.0 - cost) * self.shed_ns / full)
    }
}

#[cfg(test)]
mod tests {
    use super::super::Config;
    use super::*;

    const TURN_S: f64 = 0.02;
    const CONNECTIONS: f64 = 10_000.0;

    /// A server of one processor: requests wait in their connections until their turn.
    struct Server {
        control: Control,
        waiting_s: f64,
        shed_us: f64,
        decision_us: f64,
        orders: Orders,
        held: f64,
    }

    impl Server {
        fn new(shed_us: f64, decision_us: f64) -> Server {
            let control = Control::new(&Config::default());
            let orders = Orders::default();
            Server { control, waiting_s: 0.0, shed_us, decision_us, orders, held: 0.0 }
        }

        fn turns(&mut self, count: usize, load: f64) {
            for _ in 0..count {
                self.turn(load);
            }
        }

        /// A turn in which work for `load` processors came; what was decided of it.
        fn turn(&mut self, load: f64) -> f64 {
            let full_us = self.shed_us + self.decision_us;
            let came = load * TURN_S * 1e6 / full_us;
            let back = (self.orders.release as f64).min(self.held);
            self.held -= back;
            // Held connections bring no work; those that return bring one stale request each.
            let came = came * (1.0 - self.held / CONNECTIONS) + back;
            let decided_share = 1.0 - self.orders.shed;
            let each_s = (self.shed_us + decided_share * self.decision_us) / 1e6;
            let done = ((self.waiting_s + came * each_s).min(TURN_S)) / each_s;
            self.waiting_s = (self.waiting_s + came * each_s - TURN_S).max(0.0);
            // One request a connection; who comes when all are taken gives up.
            self.waiting_s = self.waiting_s.min((CONNECTIONS - self.held) * each_s);
            let hold = (self.orders.hold as f64).min(done);
            self.waiting_s = (self.waiting_s - hold * each_s).max(0.0);
            self.held += hold;
            let decided = (done - back).max(0.0) * decided_share;
            self.orders = self.control.turn(&Seen {
                took_s: TURN_S,
                queue_us: (self.waiting_s * 1e6) as u32,
                asked: done as u64,
                decided: decided as u64,
                decided_ns: (decided * self.decision_us * 1e3) as u64,
                cpu_ns: (done * each_s * 1e9) as u64,
                held: self.held as usize,
            });
            decided
        }
    }

    #[test]
    fn a_calm_server_turns_nobody_away() {
        let mut server = Server::new(8.0, 8.0);
        for _ in 0..500 {
            server.turn(0.9);
            assert_eq!((server.orders.shed, server.orders.hold), (0.0, 0));
        }
        assert!((server.orders.cost_us - 16.0).abs() < 0.5, "{:?}", server.orders);
    }

    #[test]
    fn a_burst_that_drains_is_let_be() {
        let mut server = Server::new(8.0, 8.0);
        server.waiting_s = 0.05;
        for _ in 0..100 {
            server.turn(0.2);
            assert_eq!((server.orders.shed, server.orders.hold), (0.0, 0));
        }
    }

    #[test]
    fn dear_decisions_are_shed_and_cheap_ones_left_unread() {
        // Ten times the cost of a 204: half of it again is turned away with 204s alone.
        let mut dear = Server::new(10.0, 90.0);
        dear.turns(500, 1.3);
        assert!(dear.orders.shed > 0.1 && dear.held < 1.0, "{:?}", dear.orders);
        // As dear as its 204: shedding alone cannot do it.
        let mut cheap = Server::new(8.0, 8.0);
        cheap.turns(500, 2.0);
        assert!(cheap.orders.shed > 0.1 && cheap.held > 1000.0, "{:?}", cheap.orders);
    }

    #[test]
    fn work_is_done_in_time_and_the_server_recovers() {
        for (shed_us, decision_us, load) in
            [(8.0, 8.0, 2.0), (8.0, 8.0, 5.0), (10.0, 90.0, 2.0), (10.0, 90.0, 5.0)]
        {
            let mut server = Server::new(shed_us, decision_us);
            server.turns(100, 0.5);
            // A quarter of a second to notice and act.
            server.turns(13, load);
            let (mut decided, mut longest_s) = (0.0, 0.0_f64);
            for _ in 0..500 {
                decided += server.turn(load);
                longest_s = longest_s.max(server.waiting_s);
            }
            let peak = 10.0 * 1e6 / (shed_us + decision_us);
            let goodput = decided / peak;
            println!("{shed_us} {decision_us} × {load}: goodput {goodput}, waits {longest_s} s");
            assert!(goodput > 0.7, "{shed_us} {decision_us} × {load}: {goodput}");
            let calm = (0..100).position(|_| {
                server.turn(0.5);
                server.orders.shed == 0.0 && server.orders.hold == 0 && server.waiting_s < 0.01
            });
            assert!(calm.is_some(), "{shed_us} {decision_us} × {load}: not back in two seconds");
        }
    }

    #[test]
    fn all_are_read_again_when_nobody_asks_for_more() {
        let mut server = Server::new(8.0, 8.0);
        server.turns(500, 3.0);
        assert!(server.held > 1000.0);
        for turn in 0.. {
            // Of those that come back nobody asks again.
            server.turn(0.0);
            if server.held < 1.0 {
                break;
            }
            assert!(turn < 100, "{} unread after two seconds", server.held);
        }
    }
}

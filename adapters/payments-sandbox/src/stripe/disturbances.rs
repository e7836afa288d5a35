//! What a network and a busy gateway do to requests, on purpose: for tests.

use super::error::ApiError;
use crate::rules::ServerError;
use chrono::TimeDelta;
use fastrand::Rng;
use http::StatusCode;
use lastseat_domain::Timestamp;
use parking_lot::Mutex;

/// How many requests a burst of 429 refuses.
const BURST: u32 = 8;

/// Shares are from 0 (never) to 1 (always). The same seed gives the same sequence of decisions.
#[derive(Debug, Clone, Default, PartialEq)]
pub struct Disturbances {
    pub seed: u64,
    /// Requests that are lost on their way: the connection breaks, and nothing is done.
    pub lost_requests: f64,
    /// Requests that are carried out, and the connection breaks before the answer.
    pub lost_answers: f64,
    /// Confirmations that are declined, whatever the payment method.
    pub declines: f64,
    /// Changes that are answered with a server error, which the idempotency key keeps. Half of these changes
    /// are made all the same.
    pub server_errors: f64,
    /// Requests that begin a burst of answers 429.
    pub too_many_requests: f64,
    /// When every connection breaks.
    pub outage: Option<Outage>,
    /// When every change is answered with a server error, which the idempotency key keeps, and none is made.
    pub failing: Option<Outage>,
}

/// A time during which the gateway is out of order.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Outage {
    /// After the start of the server.
    pub after: TimeDelta,
    pub lasts: TimeDelta,
}

/// What happens to one request.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub struct InjectedFaults {
    pub lost_answer: bool,
    pub decline: bool,
    pub server_error: Option<ServerError>,
}

/// Decides what happens to each request.
#[derive(Debug)]
pub struct FaultInjector {
    options: Disturbances,
    started: Timestamp,
    state: Mutex<State>,
}

#[derive(Debug)]
struct State {
    rng: Rng,
    burst_left: u32,
}

impl FaultInjector {
    pub fn new(options: Disturbances, started: Timestamp) -> Self {
        let state = State { rng: Rng::with_seed(options.seed), burst_left: 0 };
        Self { options, started, state: Mutex::new(state) }
    }

    /// What happens to the next request.
    ///
    /// # Errors
    /// What it gets instead of being carried out.
    pub fn next(&self, now: Timestamp) -> Result<InjectedFaults, ApiError> {
        if self.options.outage.is_some_and(|outage| outage.covers(now - self.started)) {
            return Err(ApiError::lost());
        }
        let mut state = self.state.lock();
        // All are drawn each time: one setting does not shift what the others decide.
        let shares = [
            self.options.too_many_requests,
            self.options.lost_requests,
            self.options.lost_answers,
            self.options.declines,
            self.options.server_errors,
        ];
        let [burst, lost_request, lost_answer, decline, server_error] = shares.map(|share| state.rng.f64() < share);
        if burst && state.burst_left == 0 {
            state.burst_left = BURST;
        }
        if state.burst_left > 0 {
            state.burst_left -= 1;
            return Err(too_many(state.burst_left.is_multiple_of(2)));
        }
        if lost_request {
            return Err(ApiError::lost());
        }
        let failing = self.options.failing.is_some_and(|failing| failing.covers(now - self.started));
        let kind = if state.rng.bool() { ServerError::Instead } else { ServerError::Afterwards };
        let server_error = if failing { Some(ServerError::Instead) } else { server_error.then_some(kind) };
        Ok(InjectedFaults { lost_answer, decline, server_error })
    }
}

impl Outage {
    fn covers(self, age: TimeDelta) -> bool {
        age >= self.after && age - self.after < self.lasts
    }
}

/// Stripe has two of these: too many requests in all, and too many at one object.
fn too_many(at_one_object: bool) -> ApiError {
    let (code, message) = if at_one_object {
        (
            "lock_timeout",
            "This object cannot be accessed right now because another API request or Stripe process is currently accessing it.",
        )
    } else {
        ("rate_limit", "Request rate limit exceeded. Learn more about rate limits here https://stripe.com/docs/rate-limits.")
    };
    ApiError::new(StatusCode::TOO_MANY_REQUESTS, "invalid_request_error", message).code(code)
}

#[cfg(test)]
mod tests {
    use super::*;

    fn decisions(options: &Disturbances) -> Vec<Result<InjectedFaults, String>> {
        let injector = FaultInjector::new(options.clone(), Timestamp::UNIX_EPOCH);
        (0..200)
            .map(|_| injector.next(Timestamp::UNIX_EPOCH).map_err(|error| format!("{} {:?}", error.lost, error.code)))
            .collect()
    }

    #[test]
    fn a_seed_decides_and_nothing_happens_unasked() {
        let some =
            Disturbances { lost_requests: 0.1, lost_answers: 0.1, declines: 0.1, server_errors: 0.1, ..Disturbances::default() };
        assert_eq!(decisions(&some), decisions(&some));
        assert_ne!(decisions(&some), decisions(&Disturbances { seed: 1, ..some.clone() }));
        assert!(decisions(&Disturbances::default()).iter().all(|faults| *faults == Ok(InjectedFaults::default())));
        assert!(
            decisions(&some)
                .iter()
                .any(|faults| faults.as_ref().is_ok_and(|faults| faults.server_error == Some(ServerError::Afterwards)))
        );
    }

    #[test]
    fn bursts_refuse_several_in_a_row() {
        let decisions = decisions(&Disturbances { too_many_requests: 0.02, ..Disturbances::default() });
        let first = decisions.iter().position(Result::is_err).unwrap();
        let burst = decisions[first..].iter().take_while(|faults| faults.is_err()).count();
        assert_eq!(burst, BURST as usize);
        assert!(decisions[first].as_ref().is_err_and(|error| error.contains("rate_limit")));
        assert!(decisions[first + 1].as_ref().is_err_and(|error| error.contains("lock_timeout")));
    }

    #[test]
    fn an_outage_has_an_end() {
        let outage = Outage { after: TimeDelta::seconds(5), lasts: TimeDelta::seconds(10) };
        let covered = |seconds| outage.covers(TimeDelta::seconds(seconds));
        assert_eq!([4, 5, 14, 15].map(covered), [false, true, true, false]);
    }
}

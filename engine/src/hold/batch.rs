//! Places the holds of a batch, each on its own, and lets them append together.

use super::append_group::AppendGroup;
use super::open_strategy::OpenStrategy;
use super::place_hold::{find_repeated, place, refuse_at_once};
use crate::error::{BusyCause, CommandError, Fault};
use crate::requests::{Hold, HoldRequest};
use crate::services::Services;
use chrono::TimeDelta;
use futures::future::{BoxFuture, Either, join_all, select};
use futures::{FutureExt, StreamExt, poll, stream};
use lastseat_domain::block::Access;
use std::pin::pin;
use std::task::Poll;

/// The part of the limit on commands in flight that one batch uses at a time: there may be others.
const SHARE: usize = 4;
/// Most holds at a time where the log appends to each stream by itself: each of a hold's streams is a
/// call over the network, and nothing is committed together.
const MOST_WITHOUT_GROUPS: usize = 64;
/// Holds that are begun before other tasks get their turn.
const HOLDS_BETWEEN_YIELDS: usize = 32;
/// How long the holds of a group wait for each other: a guard that does not answer one of them must not
/// delay the others for long.
const LONGEST_WAIT: TimeDelta = TimeDelta::milliseconds(100);

/// Places all holds. The answers have the order of the requests.
pub(crate) fn hold_all<'a>(
    services: &'a Services,
    requests: &'a [HoldRequest],
    seller: &'a str,
) -> BoxFuture<'a, Vec<Result<Hold, CommandError>>> {
    hold_in_groups(services, requests, seller).boxed()
}

async fn hold_in_groups(services: &Services, requests: &[HoldRequest], seller: &str) -> Vec<Result<Hold, CommandError>> {
    let mut answers = Vec::with_capacity(requests.len());
    let mut left = requests;
    while !left.is_empty() {
        // Otherwise each group would wait for the log in vain, one after the other.
        if let Err(retry_after) = services.ports.log.wait_for_capacity(1).await {
            answers.extend(left.iter().map(|_| Err(Fault::Busy { retry_after, cause: BusyCause::NewHold }.into())));
            break;
        }
        let (group, rest) = left.split_at(at_a_time(services).min(left.len()));
        answers.extend(hold_group(services, group, seller).await);
        left = rest;
    }
    answers
}

/// For each request of a batch the booking that it opened before, if it did.
pub(crate) async fn find_all_repeated(
    services: &Services,
    requests: &[HoldRequest],
    seller: &str,
) -> Vec<Result<Option<Hold>, CommandError>> {
    let mut found: Vec<BoxFuture<'_, _>> = Vec::with_capacity(requests.len());
    for request in requests {
        found.push(find_repeated(services, request, seller).boxed());
    }
    stream::iter(found).buffered(MOST_WITHOUT_GROUPS).collect().await
}

fn at_a_time(services: &Services) -> usize {
    let share = (services.holds.limit(services.guard.is_distrusted()) / SHARE).max(1);
    match OpenStrategy::of(&*services.ports.log) {
        OpenStrategy::Atomic => share,
        OpenStrategy::Compensated => share.min(MOST_WITHOUT_GROUPS),
    }
}

/// Places holds at the same time. They append together where the log commits together.
async fn hold_group(services: &Services, requests: &[HoldRequest], seller: &str) -> Vec<Result<Hold, CommandError>> {
    let group = match OpenStrategy::of(&*services.ports.log) {
        OpenStrategy::Atomic => Some(AppendGroup::new(requests.len())),
        OpenStrategy::Compensated => None,
    };
    let open_sale = Access::default();
    let mut answers: Vec<_> = requests.iter().map(|_| None).collect();
    let mut waiting = Vec::new();
    for (index, (request, answer)) in requests.iter().zip(&mut answers).enumerate() {
        let member = group.as_ref().map(|group| group.member(index));
        let keyed = request.fingerprint.as_ref().map(|_| request.booking);
        match refuse_at_once(services, &request.show, &request.selection, &request.price_types, keyed) {
            Err(rejection) => *answer = Some(Err(rejection.into())),
            Ok(()) => {
                let open_sale = &open_sale;
                let mut hold = async move { (index, place(services, request, open_sale, seller, member.as_ref()).await) }.boxed();
                // Before it waits for anything but the log's capacity, first come, first served, a hold claims its seats from
                // the other holds of this node. So of two for one seat the first gets it, because the first is begun first.
                match poll!(hold.as_mut()) {
                    Poll::Ready((_, done)) => *answer = Some(done),
                    Poll::Pending => waiting.push(hold),
                }
            }
        }
        if index % HOLDS_BETWEEN_YIELDS == HOLDS_BETWEEN_YIELDS - 1 {
            tokio::task::yield_now().await;
        }
    }
    for (index, done) in all_of(services, group.as_ref(), waiting).await {
        if let Some(answer) = answers.get_mut(index) {
            *answer = Some(done);
        }
    }
    let unknown = || Err(Fault::OutcomeUnknown("a hold of a batch has no answer".to_owned()).into());
    answers.into_iter().map(|answer| answer.unwrap_or_else(unknown)).collect()
}

/// Completes with all holds, and sends what those of the group append. They don't wait for each other for long.
async fn all_of<T>(services: &Services, group: Option<&AppendGroup>, waiting: Vec<BoxFuture<'_, T>>) -> Vec<T> {
    let holds = join_all(waiting);
    let Some(group) = group else { return holds.await };
    let longest = services.ports.clock.sleep_until(services.now() + LONGEST_WAIT);
    match select(pin!(holds), pin!(group.send(&services.journal, longest))).await {
        Either::Left((done, _)) => done,
        Either::Right(((), holds)) => holds.await,
    }
}

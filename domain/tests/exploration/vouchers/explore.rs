//! Goes all ways that a world of vouchers may take.

use super::{Node, Twin, World};
use std::collections::{BTreeSet, HashMap};

/// What all ways from a start come to.
pub(super) struct Found {
    pub states: usize,
    pub violation: Option<&'static str>,
    /// States from which no way leads to a resolution.
    pub stuck: usize,
    /// How the voucher may end.
    pub ways: BTreeSet<String>,
}

pub(super) fn explore(start: World, twin: Twin) -> Found {
    let (mut numbers, mut worlds, mut from) = (HashMap::new(), vec![start.clone()], vec![Vec::<usize>::new()]);
    numbers.insert(start, 0_usize);
    let (mut at, mut ways) = (0, BTreeSet::new());
    while at < worlds.len() {
        let world = worlds[at].clone();
        if let Some(what) = world.violation() {
            return Found { states: worlds.len(), violation: Some(what), stuck: 0, ways };
        }
        if world.is_resolved() {
            let used = world.voucher().claims.values().any(|claim| claim.used);
            let way = if used {
                "used"
            } else if world.voucher().claims.is_empty() {
                "free"
            } else {
                "kept"
            };
            ways.insert(if world.voucher().withdrawn { format!("{way}, withdrawn") } else { way.to_owned() });
        }
        // Work on a fresh node is always possible: completing never uses up.
        let mut next = world.next(twin);
        for of in 0..2 {
            let idle = matches!(world.nodes[usize::from(of)][1], Node::Idle(_));
            next.extend(idle.then(|| world.complete(of, 1, 0, twin)).flatten());
        }
        for world in next {
            let number = *numbers.entry(world.clone()).or_insert_with(|| {
                worlds.push(world);
                from.push(vec![]);
                worlds.len() - 1
            });
            from[number].push(at);
        }
        at += 1;
    }
    let mut reaches = vec![false; worlds.len()];
    let mut queue: Vec<usize> = (0..worlds.len()).filter(|n| worlds[*n].is_resolved()).collect();
    queue.iter().for_each(|n| reaches[*n] = true);
    while let Some(n) = queue.pop() {
        for before in &from[n] {
            if !std::mem::replace(&mut reaches[*before], true) {
                queue.push(*before);
            }
        }
    }
    Found { states: worlds.len(), violation: None, stuck: reaches.iter().filter(|r| !**r).count(), ways }
}

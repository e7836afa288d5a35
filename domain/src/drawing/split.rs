//! Cuts a drawing into parts, each small enough for one event.

use crate::plan::{Drawing, DrawnArea, DrawnRow};

/// Most bytes of a part. An append may have 1 MiB, but smaller ones delay others less.
const MAX_PART_BYTES: usize = 480 << 10;

/// The parts, in order. Their order is that of the rows; each part begins with as much as it can take.
pub(super) fn split(drawing: Drawing) -> Vec<Drawing> {
    let Drawing { name, categories, shapes, areas } = drawing;
    let first = Drawing { name, categories, shapes, areas: vec![] };
    let mut bytes = stored_bytes(&first);
    let (mut parts, mut part) = (Vec::new(), first);
    for area in areas {
        let DrawnArea { area, section, category, rows, capacity } = area;
        let without_rows = DrawnArea { area, section, category, rows: vec![], capacity };
        let own = stored_bytes(&without_rows);
        bytes += own;
        part.areas.push(without_rows.clone());
        for row in rows {
            let more = stored_bytes(&row);
            if bytes + more > MAX_PART_BYTES {
                drop_empty(&mut part);
                parts.push(std::mem::take(&mut part));
                part.areas.push(without_rows.clone());
                bytes = own;
            }
            bytes += more;
            push(&mut part, row);
        }
    }
    drop_empty(&mut part);
    parts.push(part);
    parts
}

fn push(part: &mut Drawing, row: DrawnRow) {
    if let Some(area) = part.areas.last_mut() {
        area.rows.push(row);
    }
}

/// An area whose first row did not fit begins in the next part.
fn drop_empty(part: &mut Drawing) {
    part.areas.pop_if(|area| area.rows.is_empty() && area.capacity.is_none());
}

/// With the separator.
fn stored_bytes(what: &impl serde::Serialize) -> usize {
    serde_json::to_vec(what).map_or(0, |stored| stored.len() + 1)
}

#[cfg(test)]
mod tests {
    #![allow(clippy::unwrap_used, reason = "a test may stop at what it did not expect")]

    use super::*;
    use crate::ids::{AreaId, CategoryId, SeatId};
    use crate::plan::{DrawnSeat, Point, RowSeats};

    /// Areas of rows of 100 listed seats.
    fn large(areas: usize, rows: usize) -> Drawing {
        let row = |area: usize, row: usize| DrawnRow {
            row: format!("Row {row}"),
            seats: RowSeats::Listed(
                (1..=100)
                    .map(|n| DrawnSeat {
                        seat: SeatId::new(&format!("a{area}.{row}-{n}")).unwrap(),
                        label: n.to_string(),
                        at: Some(Point { x: n * 2050, y: 123_456 }),
                    })
                    .collect(),
            ),
            gaps_after: vec![50],
        };
        Drawing {
            name: "Arena".into(),
            areas: (0..areas)
                .map(|area| DrawnArea {
                    area: AreaId::new(&format!("a{area}")).unwrap(),
                    section: None,
                    category: CategoryId::new("all").unwrap(),
                    rows: (0..rows).map(|n| row(area, n)).collect(),
                    capacity: None,
                })
                .collect(),
            ..Drawing::default()
        }
    }

    #[test]
    fn a_hundred_thousand_seats_take_a_few_events_and_come_back_whole() {
        let drawing = large(10, 100);
        let parts = split(drawing.clone());
        assert!((10..=20).contains(&parts.len()), "{}", parts.len());
        for part in &parts {
            assert!(stored_bytes(part) <= 512 << 10);
            assert!(part.areas.iter().all(|area| !area.rows.is_empty()));
        }
        let mut whole = Drawing::default();
        parts.into_iter().for_each(|part| whole.extend(part));
        assert_eq!(whole.fingerprint(), drawing.fingerprint());
        assert_eq!(whole, drawing);
    }

    #[test]
    fn a_small_plan_is_one_part() {
        assert_eq!(split(large(2, 3)), [large(2, 3)]);
    }
}

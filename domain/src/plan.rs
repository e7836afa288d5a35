//! The seating plan of a show: areas, rows and price categories as an organiser writes them, plans that are drawn once
//! for many shows, and [`Plan`], which gives every seat an index that never changes.

mod area;
mod book;
mod drawing;
mod drawn;
mod laid_out;
mod layout;
mod planned;
mod point;

pub use area::{Area, Category, PriceType, PriceTypeNames, Row, merged};
pub use book::{PlanBook, PlanRevisions};
pub use drawing::{Drawing, DrawnArea, DrawnRow, DrawnSeat, PlanCategory, RowSeats, Shape};
pub use drawn::{DrawnPlan, PlanOfShow};
pub use laid_out::Plan;
pub use planned::{PlannedArea, PlannedRow, PlannedSeat, PrintedSeat};
pub use point::{Hundredths, Point};

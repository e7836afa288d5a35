//! A drawn plan in a request and in an answer.

mod answer;
mod parts;
mod request;

pub use answer::{PlanJson, PlanOfShow, PlanSummary};
pub use request::{NewPlan, hundredths};

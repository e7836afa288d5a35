//! The form of pretix's JSON. Members that plans of newer editors have besides are kept as names, to report them.

use serde::Deserialize;
use serde::de::IgnoredAny;
use std::collections::BTreeMap;

/// Members that are not known.
pub(super) type Rest = BTreeMap<String, IgnoredAny>;

/// A seating plan as pretix stores it.
#[derive(Debug, Deserialize)]
#[serde(expecting = "an object")]
pub struct PretixPlan {
    pub(super) name: String,
    pub(super) categories: Vec<Category>,
    pub(super) zones: Vec<Zone>,
    #[serde(flatten)]
    pub(super) rest: Rest,
}

#[derive(Debug, Deserialize)]
pub(super) struct Category {
    pub name: String,
    pub color: Option<String>,
    #[serde(flatten)]
    pub rest: Rest,
}

#[derive(Debug, Default, Deserialize)]
pub(super) struct Place {
    pub x: f64,
    pub y: f64,
}

#[derive(Debug, Deserialize)]
pub(super) struct Zone {
    #[serde(default)]
    pub name: String,
    pub position: Place,
    pub rows: Vec<Row>,
    #[serde(default)]
    pub areas: Vec<Area>,
    #[serde(flatten)]
    pub rest: Rest,
}

#[derive(Debug, Deserialize)]
pub(super) struct Row {
    pub row_number: String,
    #[serde(default)]
    pub position: Place,
    pub seats: Vec<Seat>,
    #[serde(flatten)]
    pub rest: Rest,
}

#[derive(Debug, Deserialize)]
pub(super) struct Seat {
    pub seat_guid: String,
    pub seat_number: String,
    pub position: Place,
    pub category: String,
    #[serde(flatten)]
    pub rest: Rest,
}

#[derive(Debug, Deserialize)]
pub(super) struct Area {
    pub shape: Option<String>,
    pub position: Place,
    pub width: Option<f64>,
    pub height: Option<f64>,
    pub rectangle: Option<Size>,
    pub circle: Option<Circle>,
    pub ellipse: Option<Ellipse>,
    pub polygon: Option<Polygon>,
    pub rotation: Option<f64>,
    pub color: Option<String>,
    pub text: Option<Text>,
    #[serde(flatten)]
    pub rest: Rest,
}

#[derive(Debug, Deserialize)]
pub(super) struct Size {
    pub width: f64,
    pub height: f64,
}

#[derive(Debug, Deserialize)]
pub(super) struct Circle {
    pub radius: f64,
}

#[derive(Debug, Deserialize)]
pub(super) struct Ellipse {
    pub radius: Place,
}

#[derive(Debug, Deserialize)]
pub(super) struct Polygon {
    pub points: Vec<Place>,
}

/// Older editors write the words alone.
#[derive(Debug, Deserialize)]
#[serde(untagged, expecting = "a text, or an object with `text`")]
pub(super) enum Text {
    Words(String),
    Placed {
        #[serde(default)]
        text: String,
        #[serde(flatten)]
        rest: Rest,
    },
}

impl Text {
    pub fn words(&self) -> &str {
        match self {
            Self::Words(text) | Self::Placed { text, .. } => text,
        }
    }
}

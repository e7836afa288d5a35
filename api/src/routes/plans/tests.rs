use super::pretix::{PretixPlan, read, slug};
use lastseat_domain::Rejection;
use lastseat_domain::drawing::CheckedDrawing;
use lastseat_domain::plan::{Drawing, Point, RowSeats};
use serde_json::{Value, json};

/// Two zones with a row A each; the first has an aisle, and seats of two categories in one row.
fn small() -> Value {
    let seat = |guid: &str, number: &str, x: f64, category: &str| json!({"seat_guid": guid, "seat_number": number, "position": {"x": x, "y": 0}, "category": category});
    json!({
        "name": "Haus",
        "size": {"width": 100, "height": 100},
        "categories": [{"name": "Teuer", "color": "#f00"}, {"name": "Günstig"}],
        "zones": [
            {"name": "Parkett", "position": {"x": 10, "y": 20}, "areas": [
                {"shape": "rectangle", "position": {"x": 0, "y": -50}, "rectangle": {"width": 40, "height": 10}, "text": {"text": "Bühne", "size": 16}},
                {"width": 8, "height": 6, "position": {"x": 90, "y": 90}, "text": "Bar", "border_color": "#000"},
                {"shape": "blob", "position": {"x": 0, "y": 0}},
            ], "rows": [
                {"row_number": "A", "row_number_position": "both", "position": {"x": 1, "y": 2}, "seats": [
                    seat("p-1", "1", 0.0, "Teuer"), seat("p-2", "2", 10.0, "Teuer"), seat("p-3", "3", 30.0, "Teuer"),
                    seat("p-4", "4", 40.0, "Teuer"), seat("p-5", "5", 50.0, "Günstig"), seat("p-6", "6", 60.0, "Teuer"),
                ]},
            ]},
            {"position": {"x": 0, "y": 0}, "rows": [
                {"row_number": "A", "seats": [seat("p:7", "1 links", 0.0, "Günstig"), seat("Ö 8", "2", 10.5, "Günstig")]},
                {"row_number": "", "seats": []},
            ]},
        ],
    })
}

fn drawing(json: &Value) -> Result<(Drawing, Vec<String>), Rejection> {
    read(serde_json::from_value::<PretixPlan>(json.clone()).unwrap())
}

fn spoilt(spoil: impl FnOnce(&mut Value)) -> Result<(), String> {
    let mut json = small();
    spoil(&mut json);
    let plan = serde_json::from_value::<PretixPlan>(json).map_err(|e| e.to_string())?;
    let (drawing, _) = read(plan).map_err(|e| e.to_string())?;
    CheckedDrawing::new(drawing).map(drop).map_err(|e| e.to_string())
}

#[test]
fn zones_are_sections_and_each_of_their_categories_is_an_area() {
    let (drawing, _) = drawing(&small()).unwrap();
    CheckedDrawing::new(drawing.clone()).unwrap();
    let areas: Vec<_> =
        drawing.areas.iter().map(|a| (a.area.as_str(), a.section.as_deref().unwrap(), a.category.as_str())).collect();
    let expected =
        [("parkett-teuer", "Parkett", "teuer"), ("parkett-g-nstig", "Parkett", "g-nstig"), ("zone-2", "Zone 2", "g-nstig")];
    assert_eq!(areas, expected);
    let row = &drawing.areas[0].rows[0];
    let RowSeats::Listed(seats) = &row.seats else { panic!("counted") };
    assert_eq!(seats.iter().map(|seat| seat.seat.as_str()).collect::<Vec<_>>(), ["p-1", "p-2", "p-3", "p-4", "p-6"]);
    // The aisle after the second seat; and between the last two is a seat of another category.
    assert_eq!(row.gaps_after, [2, 4]);
    assert_eq!(seats[2].at, Some(Point { x: 4100, y: 2200 }));
    let RowSeats::Listed(seats) = &drawing.areas[2].rows[0].seats else { panic!("counted") };
    let ids: Vec<_> = seats.iter().map(|seat| (seat.seat.as_str(), seat.label.as_str())).collect();
    assert_eq!(ids, [("zone-2.A-1_links", "1 links"), ("zone-2.A-2", "2")]);
}

#[test]
fn what_is_not_taken_over_is_named() {
    let (drawing, notes) = drawing(&small()).unwrap();
    let texts: Vec<_> = drawing.shapes.iter().map(|shape| (shape.text.as_deref(), shape.at, shape.size)).collect();
    let point = |x, y| Point { x, y };
    let stage = (Some("Bühne"), point(3000, -2500), Some(point(4000, 1000)));
    assert_eq!(texts, [stage, (Some("Bar"), point(10_400, 11_300), Some(point(800, 600)))]);
    let expected = [
        "`border_color` of areas of zones",
        "`row_number_position` of rows",
        "`seat_guid` of seats, which can't be ids: theirs are made of zone, row and number (2 times)",
        "`size` of texts",
        "`size` of the plan",
        "areas of the shape `blob`",
        "rows without seats",
    ];
    assert_eq!(notes, expected);
}

#[test]
fn what_is_missing_or_there_twice_is_refused() {
    type Spoil = fn(&mut Value);
    let table: [(&str, Spoil); 9] = [
        ("missing field `name`", |p| drop(p.as_object_mut().unwrap().remove("name"))),
        ("missing field `categories`", |p| drop(p.as_object_mut().unwrap().remove("categories"))),
        ("missing field `seat_guid`", |p| {
            drop(p["zones"][0]["rows"][0]["seats"][0].as_object_mut().unwrap().remove("seat_guid"));
        }),
        ("missing field `position`", |p| drop(p["zones"][0].as_object_mut().unwrap().remove("position"))),
        ("seat `p-1` appears twice", |p| p["zones"][0]["rows"][0]["seats"][1]["seat_guid"] = "p-1".into()),
        ("category `Teuer` appears twice", |p| p["categories"][1]["name"] = "Teuer".into()),
        ("category `Loge`, which doesn't exist", |p| p["zones"][0]["rows"][0]["seats"][1]["category"] = "Loge".into()),
        ("more than a million", |p| p["zones"][0]["position"]["x"] = 1e9.into()),
        ("1 to 200000 seats", |p| p["zones"] = json!([])),
    ];
    assert_eq!(spoilt(|_| ()), Ok(()));
    for (expected, spoil) in table {
        let why = spoilt(spoil).unwrap_err();
        assert!(why.contains(expected), "{expected}: {why}");
    }
}

#[test]
fn the_example_is_a_house_of_a_thousand_seats() {
    let json = include_str!("../../../../docs/examples/house.pretix.json");
    let (drawing, _) = drawing(&serde_json::from_str(json).unwrap()).unwrap();
    assert_eq!(drawing.seats(), 1000);
    let areas: Vec<_> =
        drawing.areas.iter().map(|area| (area.area.as_str(), area.rows.len(), area.rows[0].row.as_str())).collect();
    let expected = [
        ("stalls-category-1", 6, "A"),
        ("stalls-category-2", 14, "G"),
        ("balcony-category-2", 3, "A"),
        ("balcony-category-3", 7, "D"),
    ];
    assert_eq!(areas, expected);
    assert!(drawing.areas.iter().flat_map(|area| &area.rows).all(|row| !row.gaps_after.is_empty()));
    CheckedDrawing::new(drawing).unwrap();
}

#[test]
fn names_become_ids() {
    for (name, id) in
        [("Category 1", "category-1"), ("  --Hello--  ", "hello"), ("演唱会", ""), (&"long ".repeat(20), "long-long-lo")]
    {
        assert_eq!(slug(name, 12), id);
    }
}

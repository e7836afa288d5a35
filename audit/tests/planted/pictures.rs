//! Pictures in the log: nothing is found in valid ones, and each planted fault is found under its code.

use crate::planting::*;
use lastseat_domain::StreamName;
use lastseat_domain::decider::Decider;
use lastseat_domain::event::*;
use lastseat_domain::picture::{CheckedPicture, PictureCommand, ShowPicture};
use lastseat_testkit::pictures::png;
use lastseat_testkit::world::{World, plan, show_id};
use std::sync::Arc;

/// A world with a show that has a picture.
fn pictured() -> World {
    let mut world = World::new(1);
    world.schedule(plan("gala", 2, 6, 9));
    append(&mut world, set(1).into());
    world
}

fn set(seed: u32) -> ShowPictured {
    let picture = Arc::new(CheckedPicture::new(&png(3, 2, seed), Some("image/png")).unwrap());
    let command = PictureCommand::Set { picture, alt: None };
    let Event::ShowPictured(e) = ShowPicture::decide(&show_id("gala"), &ShowPicture::default(), command).unwrap().remove(0)
    else {
        panic!("another event");
    };
    e
}

fn removed() -> Event {
    ShowPictureRemoved { show: show_id("gala") }.into()
}

fn append(world: &mut World, event: Event) {
    world.append(StreamName::picture(&show_id("gala")), &[event]);
}

#[test]
fn pictures_that_are_set_replaced_described_and_removed_are_no_faults() {
    let mut world = pictured();
    let described = ShowPictured { alt: Some("A mask".into()), ..set(2) };
    for event in [set(2).into(), described.into(), removed(), set(1).into()] {
        append(&mut world, event);
    }
    assert!(audit(&world.log).holds(), "{}", audit(&world.log));
}

#[test]
fn a_picture_is_what_it_says() {
    type Spoil = fn(&mut ShowPictured);
    let table: [(&str, Spoil); 4] = [
        ("other bytes", |e| e.bytes = set(3).bytes),
        ("another hash", |e| e.sha256 = "0".repeat(64)),
        ("another type", |e| e.media_type = PictureType::Webp),
        ("too many bytes", |e| {
            let whole = PictureBytes(png(300, 300, 1).into());
            (e.sha256, e.bytes) = (sha256(&whole.0), whole);
        }),
    ];
    for (what, spoil) in table {
        let mut event = set(2);
        spoil(&mut event);
        println!("{what}");
        plant(pictured(), &["picture_differs"], |world| append(world, event.into()));
    }
}

fn sha256(bytes: &[u8]) -> String {
    use sha2::{Digest, Sha256};
    Sha256::digest(bytes).iter().map(|byte| format!("{byte:02x}")).collect()
}

#[test]
fn what_changes_nothing_is_found() {
    plant(pictured(), &["picture_twice"], |world| append(world, set(1).into()));
    let mut world = pictured();
    append(&mut world, removed());
    plant(world, &["picture_twice"], |world| append(world, removed()));
}

#[test]
fn a_picture_is_in_the_stream_of_its_show_and_the_show_is_there() {
    plant(pictured(), &["wrong_stream"], |world| {
        world.schedule(plan("other", 2, 6, 9));
        world.append(StreamName::picture(&show_id("other")), &[set(2).into()]);
    });
    plant(pictured(), &["wrong_stream"], |world| {
        world.append(StreamName::show(&show_id("gala")), &[set(2).into()]);
    });
    plant(World::new(1), &["seat_not_in_plan"], |world| append(world, set(1).into()));
}

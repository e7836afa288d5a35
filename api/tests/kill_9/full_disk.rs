//! A real node with all its data on a real disk that is full. Runs only where a small disk may be mounted.

use crate::put_on_sale;
use crate::support::process::{Server, token, verify};
use crate::support::{eventually, text};
use serde_json::{Value, json};
use std::fs::{OpenOptions, remove_file};
use std::io::Write;
use std::path::{Path, PathBuf};
use std::process::Command;

/// A memory disk of some megabytes, unmounted when it is dropped.
struct SmallDisk(PathBuf);

impl SmallDisk {
    fn mount(at: &Path) -> Option<Self> {
        std::fs::create_dir_all(at).unwrap();
        let mounted = Command::new("mount").args(["-t", "tmpfs", "-o", "size=6m", "none"]).arg(at).output();
        mounted.is_ok_and(|run| run.status.success()).then(|| Self(at.to_owned()))
    }

    /// Fills it, but for so many bytes.
    fn fill_but(&self, bytes: usize) {
        let mut ballast = OpenOptions::new().append(true).create(true).open(self.0.join("ballast")).unwrap();
        while ballast.write_all(&[1; 4096]).is_ok() {}
        let length = ballast.metadata().unwrap().len();
        ballast.set_len(length.saturating_sub(bytes as u64)).unwrap();
    }

    fn make_room(&self) {
        remove_file(self.0.join("ballast")).unwrap();
    }
}

impl Drop for SmallDisk {
    fn drop(&mut self) {
        let _gone_with_the_machine = Command::new("umount").arg("-l").arg(&self.0).status();
    }
}

fn disagreements(data: &Path) -> Vec<Value> {
    let (_, report) = verify(data);
    report["payments"]["disagreements"].as_array().unwrap_or_else(|| panic!("{report:#}")).clone()
}

#[tokio::test(flavor = "multi_thread")]
async fn a_refund_on_a_full_disk_ends_refunded() {
    let dir = tempfile::tempdir().unwrap();
    let Some(disk) = SmallDisk::mount(&dir.path().join("disk")) else {
        eprintln!("skipped: no disk can be mounted here");
        return;
    };
    let data = disk.0.join("data");
    let admin = token(&data, "root", "admin");
    let mut server = Server::start(&data).await;
    put_on_sale(&server.client, &admin, "show-0").await;
    let mut named = 0;
    // What still fits decides where a refund stops.
    for room in [120_000, 90_000, 70_000, 50_000] {
        let mut sold = Vec::new();
        for _ in 0..8 {
            let hold = server.client.post("/v1/shows/show-0/bookings").bearer(&admin);
            let hold = hold.json(&json!({"area": "floor", "quantity": 1})).send().await.ok(201);
            let pay = server.client.post(&format!("/v1/bookings/{}/payment", text(&hold, "id"))).bearer(text(&hold, "token"));
            pay.json(&json!({"payment_method": "pm_card_visa"})).send().await.ok(200);
            sold.push(text(&hold, "id").to_owned());
        }
        disk.fill_but(room);
        for id in &sold {
            let refund = server.client.post(&format!("/v1/bookings/{id}/refund")).bearer(&admin).send().await;
            assert!([200, 202, 503].contains(&refund.status), "{refund:?}");
        }
        // Without a byte left, a node starts all the same.
        disk.fill_but(0);
        server.kill();
        server = Server::begin(&data, &[]);
        let found = disagreements(&data);
        assert!(found.iter().all(|found| found["wrong"] == false), "{found:?}");
        named += found.len();
        disk.make_room();
        eventually("gateway and log agree", async || disagreements(&data).is_empty().then_some(())).await;
    }
    eprintln!("{named} refunds were named while the disk was full");
    let hold = server.client.post("/v1/shows/show-0/bookings").bearer(&admin);
    hold.json(&json!({"area": "floor", "quantity": 1})).send().await.ok(201);
    server.stop();
    let (code, report) = verify(&data);
    assert_eq!((code, &report["high_water_mark"]["state"]), (0, &json!("holds")), "{report:#}");
}

//! `lastseat admin create`: the password comes from standard input, never from the command line.

use crate::binary::{Place, Run};
use crate::serve::Server;
use std::process::Stdio;

const EMAIL: &str = "root@example.org";

fn create(place: &Place, more: &[&str], password: &str) -> Run {
    let input = place.path().join("password");
    std::fs::write(&input, password).unwrap();
    let mut command = place.command(&[&["admin", "create", "--email", EMAIL], more].concat());
    Run::of(command.stdin(Stdio::from(std::fs::File::open(input).unwrap())))
}

#[test]
fn the_first_admin_is_made_before_a_server_or_beside_one() {
    let place = Place::new();
    let made = create(&place, &[], "a long password of the admin\r\n");
    assert_eq!((made.code, made.err.as_str()), (0, ""), "{made:?}");
    assert!(made.out.starts_with("root@example.org is an admin (account:"), "{made:?}");
    let server = Server::spawn(place.command(&["serve", "--listen", "127.0.0.1:0"]).stderr(Stdio::piped()));
    let again = create(&place, &[], "another password of the admin\n");
    assert_eq!((again.code, &again.out), (0, &made.out), "the same account");
    drop(server);
}

#[test]
fn what_can_not_be_an_admin_is_one_line() {
    let place = Place::new();
    assert_eq!(create(&place, &[], "").one_line(2), "there is no password on standard input");
    assert_eq!(create(&place, &[], "short\n").one_line(2), "The password must have at least 10 characters.");
    let cluster = create(&place, &["--eventstore", "esdb://127.0.0.1:1"], "a long password of the admin");
    assert!(cluster.one_line(2).contains("--oidc-issuer"), "{cluster:?}");
    let argument = place.run(&["admin", "create", "--email", EMAIL, "--password", "a long password"]);
    assert!(argument.code == 2 && argument.err.contains("unexpected argument '--password'"), "{argument:?}");
    let wrong = place.run(&["admin", "create", "--email", "root"]);
    assert!(wrong.code == 2 && wrong.err.contains("must be an e-mail address"), "{wrong:?}");
}

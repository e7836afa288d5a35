//! The contract of the mailer, and servers that refuse, hang, are not there or offer no encryption.
#![allow(clippy::unwrap_used, clippy::panic, clippy::indexing_slicing, reason = "a test may fail loudly")]

mod server;

use lastseat_domain::ports::{MailFault, Mailer};
use lastseat_mail_smtp::SmtpMailer;
use lastseat_testkit::mailer::{CASES, FROM, mail};
use server::{Manners, SmtpServer};
use std::sync::Arc;

fn fault(sent: Result<(), MailFault>) -> MailFault {
    let fault = sent.unwrap_err();
    let shown = fault.to_string();
    assert!(!shown.contains("ann") && !shown.contains("s3cret"), "{shown}");
    fault
}

#[tokio::test(flavor = "multi_thread")]
async fn keeps_the_contract() {
    for (name, case) in CASES {
        println!("{name}");
        case(Arc::new(SmtpServer::start(Manners::default()).await)).await;
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn keeps_the_contract_encrypted_and_with_a_password() {
    for (name, case) in CASES {
        for is_wrapped in [false, true] {
            println!("{name}, from the start: {is_wrapped}");
            let manners = Manners { is_wrapped, offers_tls: !is_wrapped, password: Some("s3cret"), ..Manners::default() };
            case(Arc::new(SmtpServer::start(manners).await)).await;
        }
    }
}

#[tokio::test]
async fn a_mail_that_is_refused_for_good_or_for_now_is_told_apart_and_nobody_is_named() {
    for (answer, is_for_good) in
        [("550 5.1.1 <ann@example.org> no such mailbox", true), ("451 ann@example.org: try later", false)]
    {
        let server = SmtpServer::start(Manners { to_recipients: answer, ..Manners::default() }).await;
        let fault = fault(server.mailer.send(&mail(1, "ann@example.org", "Hello\n")).await);
        assert_eq!(matches!(fault, MailFault::Refused(_)), is_for_good, "{fault}");
        assert!(fault.to_string().contains(&answer[..3]), "{fault}");
        assert_eq!(server.messages(), Vec::<String>::new());
    }
}

#[tokio::test]
async fn a_wrong_password_may_be_put_right() {
    let manners = Manners { offers_tls: true, password: Some("another one"), ..Manners::default() };
    let server = SmtpServer::start_for("s3cret", manners).await;
    let fault = fault(server.mailer.send(&mail(1, "ann@example.org", "Hello\n")).await);
    assert!(matches!(&fault, MailFault::Unavailable(why) if why.contains("535")), "{fault}");
    assert_eq!(server.mailer.check().await.unwrap_err(), fault);
}

#[tokio::test]
async fn without_encryption_nothing_is_said() {
    let server = SmtpServer::start(Manners { password: Some("s3cret"), asks_for_tls: true, ..Manners::default() }).await;
    assert!(matches!(fault(server.mailer.send(&mail(1, "ann@example.org", "Hello\n")).await), MailFault::Unavailable(_)));
    let said = server.said();
    assert!(said.iter().all(|line| ["EHLO", "QUIT"].iter().any(|command| line.starts_with(command))), "{said:?}");
}

#[tokio::test]
async fn a_certificate_of_nobody_knows_whom_is_refused() {
    let server = SmtpServer::start(Manners { offers_tls: true, password: Some("s3cret"), ..Manners::default() }).await;
    let stranger = SmtpMailer::new(&server.url, FROM.parse().unwrap()).unwrap();
    assert!(matches!(fault(stranger.send(&mail(1, "ann@example.org", "Hello\n")).await), MailFault::Unavailable(_)));
    assert!(server.said().iter().all(|line| line.starts_with("EHLO") || line.starts_with("STARTTLS")), "{:?}", server.said());
}

#[tokio::test]
async fn a_server_that_is_not_there_is_a_fault_that_may_pass() {
    // Port 1: nobody listens there.
    let mailer = SmtpMailer::new("smtp://u:s3cret@127.0.0.1:1", FROM.parse().unwrap()).unwrap();
    assert!(matches!(fault(mailer.send(&mail(1, "ann@example.org", "Hello\n")).await), MailFault::Unavailable(_)));
    assert!(mailer.check().await.is_err());
}

#[tokio::test(start_paused = true)]
async fn a_server_that_says_nothing_is_left_after_a_while() {
    let server = SmtpServer::start(Manners { is_silent: true, ..Manners::default() }).await;
    let fault = fault(server.mailer.send(&mail(1, "ann@example.org", "Hello\n")).await);
    assert!(matches!(fault, MailFault::Unavailable(_)), "{fault}");
}

//! A small SMTP server with the manners that a test wants.

use async_trait::async_trait;
use lastseat_domain::ports::Mailer;
use lastseat_mail_smtp::SmtpMailer;
use lastseat_testkit::mailer::{FROM, Postbox};
use rustls::ServerConfig;
use rustls::pki_types::{PrivateKeyDer, PrivatePkcs8KeyDer};
use std::sync::{Arc, Mutex};
use tokio::io::{AsyncBufReadExt, AsyncRead, AsyncWrite, AsyncWriteExt, BufReader};
use tokio::net::{TcpListener, TcpStream};
use tokio_rustls::TlsAcceptor;

#[derive(Clone, Copy)]
pub struct Manners {
    /// Encrypted from the start.
    pub is_wrapped: bool,
    /// Offers STARTTLS.
    pub offers_tls: bool,
    /// The mailer wants STARTTLS, whatever is offered.
    pub asks_for_tls: bool,
    /// Wants this one.
    pub password: Option<&'static str>,
    /// The answer to each recipient.
    pub to_recipients: &'static str,
    /// Takes connections and says nothing.
    pub is_silent: bool,
}

impl Default for Manners {
    fn default() -> Self {
        Self {
            is_wrapped: false,
            offers_tls: false,
            asks_for_tls: false,
            password: None,
            to_recipients: "250 OK",
            is_silent: false,
        }
    }
}

#[derive(Default)]
struct Heard {
    lines: Vec<String>,
    messages: Vec<String>,
}

pub struct SmtpServer {
    pub url: String,
    pub mailer: SmtpMailer,
    heard: Arc<Mutex<Heard>>,
}

impl SmtpServer {
    pub async fn start(manners: Manners) -> Self {
        Self::start_for(manners.password.unwrap_or_default(), manners).await
    }

    /// With a mailer that has this password.
    pub async fn start_for(password: &str, manners: Manners) -> Self {
        let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
        let port = listener.local_addr().unwrap().port();
        let made = rcgen::generate_simple_self_signed(["localhost".to_owned()]).unwrap();
        let key = PrivateKeyDer::from(PrivatePkcs8KeyDer::from(made.signing_key.serialize_der()));
        let provider = Arc::new(rustls::crypto::ring::default_provider());
        let config = ServerConfig::builder_with_provider(provider).with_safe_default_protocol_versions().unwrap();
        let config = config.with_no_client_auth().with_single_cert(vec![made.cert.der().clone()], key).unwrap();
        let acceptor = TlsAcceptor::from(Arc::new(config));
        let credentials = if password.is_empty() { String::new() } else { format!("shop:{password}@") };
        let (scheme, tls) = match (manners.is_wrapped, manners.offers_tls || manners.asks_for_tls) {
            (true, _) => ("smtps", ""),
            (false, true) => ("smtp", "?tls=required"),
            (false, false) => ("smtp", ""),
        };
        let url = format!("{scheme}://{credentials}localhost:{port}{tls}");
        let mailer = SmtpMailer::trusting(&url, FROM.parse().unwrap(), Some(&made.cert.pem())).unwrap();
        let heard = Arc::<Mutex<Heard>>::default();
        let all = Arc::clone(&heard);
        tokio::spawn(async move {
            while let Ok((stream, _)) = listener.accept().await {
                tokio::spawn(receive(stream, acceptor.clone(), manners, Arc::clone(&all)));
            }
        });
        Self { url, mailer, heard }
    }

    /// What was said to it, in the clear or not, without the messages.
    pub fn said(&self) -> Vec<String> {
        self.heard.lock().unwrap().lines.clone()
    }

    pub fn messages(&self) -> Vec<String> {
        self.heard.lock().unwrap().messages.clone()
    }
}

#[async_trait]
impl Postbox for SmtpServer {
    fn mailer(&self) -> &dyn Mailer {
        &self.mailer
    }

    async fn arrived(&self) -> Vec<String> {
        self.messages()
    }
}

async fn receive(stream: TcpStream, acceptor: TlsAcceptor, manners: Manners, heard: Arc<Mutex<Heard>>) {
    if manners.is_silent {
        std::future::pending::<()>().await;
    }
    if manners.is_wrapped {
        if let Ok(stream) = acceptor.accept(stream).await {
            talk(stream, manners, true, true, &heard).await;
        }
        return;
    }
    if let Some(stream) = talk(stream, manners, true, false, &heard).await
        && let Ok(stream) = acceptor.accept(stream).await
    {
        talk(stream, manners, false, true, &heard).await;
    }
}

/// Returns the connection when the client wants to encrypt it.
async fn talk<S: AsyncRead + AsyncWrite + Unpin>(
    stream: S,
    manners: Manners,
    greets: bool,
    is_encrypted: bool,
    heard: &Mutex<Heard>,
) -> Option<S> {
    let mut stream = BufReader::new(stream);
    if greets {
        stream.write_all(b"220 test\r\n").await.ok()?;
    }
    let mut is_let_in = manners.password.is_none();
    loop {
        let mut line = String::new();
        if stream.read_line(&mut line).await.ok()? == 0 {
            return None;
        }
        let line = line.trim_end().to_owned();
        heard.lock().unwrap().lines.push(line.clone());
        let command = line.split([' ', ':']).next().unwrap().to_ascii_uppercase();
        let answer = match command.as_str() {
            "EHLO" if manners.offers_tls && !is_encrypted => "250-test\r\n250 STARTTLS".to_owned(),
            "EHLO" if manners.password.is_some() => "250-test\r\n250 AUTH PLAIN".to_owned(),
            "EHLO" => "250 test".to_owned(),
            "STARTTLS" => {
                stream.write_all(b"220 Go ahead\r\n").await.ok()?;
                return Some(stream.into_inner());
            }
            "AUTH" => {
                is_let_in = line.rsplit(' ').next() == manners.password.map(plain).as_deref();
                let answer = if is_let_in { "235 Welcome" } else { "535 5.7.8 shop with s3cret is not known" };
                answer.to_owned()
            }
            "MAIL" if !is_let_in => "530 Authentication required".to_owned(),
            "RCPT" => manners.to_recipients.to_owned(),
            "DATA" => {
                stream.write_all(b"354 Go ahead\r\n").await.ok()?;
                let message = message(&mut stream).await?;
                heard.lock().unwrap().messages.push(message);
                "250 Taken".to_owned()
            }
            "QUIT" => {
                stream.write_all(b"221 Bye\r\n").await.ok()?;
                return None;
            }
            _ => "250 OK".to_owned(),
        };
        stream.write_all(format!("{answer}\r\n").as_bytes()).await.ok()?;
    }
}

/// Up to the line with a dot alone, without the dots that SMTP adds.
async fn message<S: AsyncRead + Unpin>(stream: &mut BufReader<S>) -> Option<String> {
    let mut message = String::new();
    loop {
        let mut line = String::new();
        stream.read_line(&mut line).await.ok().filter(|read| *read > 0)?;
        if line == ".\r\n" {
            return Some(message);
        }
        message.push_str(line.strip_prefix('.').unwrap_or(&line));
    }
}

/// What AUTH PLAIN sends: base64 of `\0shop\0password`, by hand.
fn plain(password: &str) -> String {
    const DIGITS: &[u8; 64] = b"ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789+/";
    let bytes = format!("\0shop\0{password}").into_bytes();
    let mut text = String::new();
    for chunk in bytes.chunks(3) {
        let word = chunk.iter().fold(0_u32, |word, byte| word << 8 | u32::from(*byte)) << (8 * (3 - chunk.len()));
        for place in 0..4 {
            let digit = DIGITS[(word >> (18 - 6 * place) & 63) as usize];
            text.push(if place <= chunk.len() { char::from(digit) } else { '=' });
        }
    }
    text
}

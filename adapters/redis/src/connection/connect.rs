//! Opens a connection: to one server, to the master that the Sentinels name, or to a cluster.

use super::NoAnswer;
use super::no_answer::judge;
use super::server::Server;
use crate::address::{Address, Servers};
use crate::options::RedisOptions;
use redis::aio::ConnectionLike;
use redis::cluster::ClusterClient;
use redis::cluster_async::ClusterConnection;
use redis::{AsyncConnectionConfig, Cmd, ConnectionAddr, ConnectionInfo, RedisError, RedisFuture, TlsCertificates, Value};
use std::time::Duration;

/// Commands that may wait for the socket; further ones wait for a place, each until its time-out.
const QUEUE: usize = 4096;
/// Tries of a command within a cluster, for a slot that moved; all within one time-out.
const CLUSTER_RETRIES: u32 = 3;
/// First pause between these, in milliseconds.
const CLUSTER_RETRY_WAIT: u64 = 10;

/// An open connection. Clones share it; commands of all are pipelined.
#[derive(Clone)]
pub(super) enum OpenConnection {
    Server(Server),
    Cluster(ClusterConnection),
}

impl OpenConnection {
    pub(super) fn request<'a>(&'a mut self, command: &'a Cmd) -> RedisFuture<'a, Value> {
        match self {
            Self::Server(connection) => connection.req_packed_command(command),
            Self::Cluster(connection) => connection.req_packed_command(command),
        }
    }
}

pub(super) struct Connector {
    servers: Servers,
    connect_timeout: Duration,
    response_timeout: Duration,
    /// Certificate authorities to trust in place of the well-known ones.
    certificates: Option<TlsCertificates>,
}

impl Connector {
    pub(super) fn new(address: &Address, options: &RedisOptions) -> Self {
        Self {
            servers: address.servers.clone(),
            connect_timeout: options.connect_timeout,
            response_timeout: options.response_timeout,
            certificates: (options.root_certificates.clone())
                .map(|root| TlsCertificates { client_tls: None, root_cert: Some(root) }),
        }
    }

    pub(super) fn is_cluster(&self) -> bool {
        matches!(self.servers, Servers::Cluster(_))
    }

    /// Connects. Takes the connect time-out at most, for each Sentinel that does not answer once more.
    pub(super) async fn connect(&self) -> Result<OpenConnection, NoAnswer> {
        match &self.servers {
            Servers::Single(info) => self.server(info.clone()).await.map(OpenConnection::Server),
            Servers::Sentinel { sentinels, master, template } => {
                self.master(sentinels, master, template).await.map(OpenConnection::Server)
            }
            Servers::Cluster(nodes) => self.cluster(nodes).await.map(OpenConnection::Cluster),
        }
    }

    async fn server(&self, info: ConnectionInfo) -> Result<Server, NoAnswer> {
        let at = info.addr().to_string();
        check_tls(&info)?;
        let config = AsyncConnectionConfig::new()
            // Calls have a time-out of their own, which starts before they get this far.
            .set_response_timeout(None)
            .set_connection_timeout(Some(self.connect_timeout))
            .set_pipeline_buffer_size(QUEUE);
        self.in_time(Server::connect(info, self.certificates.as_ref(), config))
            .await
            .map_err(|why| why.during(&format!("no connection to {at}")))
    }

    /// The first Sentinel that answers names the master; the server itself confirms its role.
    async fn master(&self, sentinels: &[ConnectionInfo], name: &str, template: &ConnectionInfo) -> Result<Server, NoAnswer> {
        let mut troubles = Vec::new();
        for sentinel in sentinels {
            match self.master_by(sentinel, name, template).await {
                Ok(connection) => return Ok(connection),
                Err(why) => troubles.push(why.to_string()),
            }
        }
        Err(NoAnswer::new(format!("no Sentinel names a master '{name}' that is one: {}", troubles.join("; "))))
    }

    async fn master_by(&self, sentinel: &ConnectionInfo, name: &str, template: &ConnectionInfo) -> Result<Server, NoAnswer> {
        let (host, port) = match self.ask_sentinel(sentinel.clone(), name).await {
            // Without a login first: a Sentinel that has no users refuses a login.
            Err(why) if why.needs_login() => {
                let login = template.redis_settings().clone().set_db(0);
                self.ask_sentinel(sentinel.clone().set_redis_settings(login), name).await
            }
            answer => answer,
        }?;
        let address = match template.addr() {
            ConnectionAddr::TcpTls { insecure, tls_params, .. } => {
                ConnectionAddr::TcpTls { host, port, insecure: *insecure, tls_params: tls_params.clone() }
            }
            _ => ConnectionAddr::Tcp(host, port),
        };
        let info = template.clone().set_addr(address);
        let mut server = self.server(info.clone()).await?;
        let role: Value = self
            .in_time(redis::cmd("ROLE").query_async(&mut server))
            .await
            .map_err(|why| NoAnswer::new(format!("{} does not report its role: {why}", info.addr())))?;
        match first_word(&role).as_deref() {
            Some("master") => Ok(server),
            _ => Err(NoAnswer::new(format!("{} is no master (any more)", info.addr()))),
        }
    }

    /// Where a Sentinel says that the master is.
    async fn ask_sentinel(&self, sentinel: ConnectionInfo, name: &str) -> Result<(String, u16), NoAnswer> {
        let at = sentinel.addr().to_string();
        let mut asked = self.server(sentinel).await?;
        let mut question = redis::cmd("SENTINEL");
        question.arg("GET-MASTER-ADDR-BY-NAME").arg(name);
        let found: Option<(String, u16)> = self
            .in_time(question.query_async(&mut asked))
            .await
            .map_err(|why| why.during(&format!("the Sentinel at {at} does not answer")))?;
        found.ok_or_else(|| NoAnswer::new(format!("the Sentinel at {at} knows no '{name}'")))
    }

    async fn cluster(&self, nodes: &[ConnectionInfo]) -> Result<ClusterConnection, NoAnswer> {
        nodes.iter().try_for_each(check_tls)?;
        let tcp = nodes.first().map(|node| node.tcp_settings().clone()).unwrap_or_default();
        let connecting = async {
            let mut builder = ClusterClient::builder(nodes.iter().cloned());
            if let Some(certificates) = &self.certificates {
                builder = builder.certs(certificates.clone());
            }
            let client = builder
                .connection_timeout(self.connect_timeout)
                .response_timeout(self.response_timeout)
                .retries(CLUSTER_RETRIES)
                .min_retry_wait(CLUSTER_RETRY_WAIT)
                .max_retry_wait(CLUSTER_RETRY_WAIT * 8)
                .tcp_settings(tcp)
                .build()?;
            client.get_async_connection().await
        };
        // It asks the nodes for their slots on top of connecting.
        let most = self.connect_timeout * 2;
        match tokio::time::timeout(most, connecting).await {
            Ok(Ok(connection)) => Ok(connection),
            Ok(Err(why)) => Err(NoAnswer::new(format!("no connection to the cluster: {why}"))),
            Err(_) => Err(NoAnswer::new(format!("no connection to the cluster within {most:?}"))),
        }
    }

    async fn in_time<T>(&self, work: impl Future<Output = Result<T, RedisError>>) -> Result<T, NoAnswer> {
        match tokio::time::timeout(self.connect_timeout, work).await {
            Ok(done) => done.map_err(|why| judge(&why, false).0),
            Err(_) => Err(NoAnswer::new(format!("no answer for {:?}", self.connect_timeout))),
        }
    }
}

/// TLS needs cryptography, which the program chooses once for all that use TLS.
fn check_tls(info: &ConnectionInfo) -> Result<(), NoAnswer> {
    let is_tls = matches!(info.addr(), ConnectionAddr::TcpTls { .. });
    if is_tls && rustls::crypto::CryptoProvider::get_default().is_none() {
        return Err(NoAnswer::new("the URL asks for TLS, but the program has installed no crypto provider"));
    }
    Ok(())
}

/// The first of a list of texts.
fn first_word(value: &Value) -> Option<String> {
    match value {
        Value::Array(parts) => parts.first().and_then(|part| redis::from_redis_value_ref(part).ok()),
        _ => None,
    }
}

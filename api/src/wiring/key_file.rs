//! The secrets that tokens and tickets are signed with: 32 random bytes each, in files that only their owner reads.

use std::fs::{File, OpenOptions};
use std::io::{self, Write};
use std::path::{Path, PathBuf};

/// Length of a secret: as long as the HMAC's hash, and as an Ed25519 seed.
const BYTES: usize = 32;

/// What a secret is for.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Key {
    Token,
    Ticket,
}

impl Key {
    /// As messages name it.
    #[must_use]
    pub fn name(self) -> &'static str {
        match self {
            Self::Token => "token key",
            Self::Ticket => "ticket key",
        }
    }

    /// The flag that names its file.
    #[must_use]
    pub fn flag(self) -> &'static str {
        match self {
            Self::Token => "--token-key",
            Self::Ticket => "--ticket-key",
        }
    }

    /// What a new one in its place does.
    fn cost_of_a_new_one(self) -> &'static str {
        match self {
            Self::Token => "which ends all tokens minted so far",
            Self::Ticket => "which makes all tickets printed so far void",
        }
    }

    /// What its readers can make.
    fn power(self) -> &'static str {
        match self {
            Self::Token => "tokens",
            Self::Ticket => "tickets",
        }
    }
}

/// A secret can't be read or made. `Display` says what to do.
#[derive(Debug, Clone, thiserror::Error)]
pub enum KeyError {
    /// The file system says no.
    #[error("the {} {} can't be {doing}: {why}", key.name(), file.display())]
    Io {
        /// The secret.
        key: Key,
        /// The file.
        file: PathBuf,
        /// What was being done to it.
        doing: &'static str,
        /// Why not.
        why: String,
    },
    /// The file holds something else.
    #[error(
        "the {} {} has {bytes} bytes instead of 32; delete it to get a new one, {}",
        key.name(), file.display(), key.cost_of_a_new_one()
    )]
    Damaged {
        /// The secret.
        key: Key,
        /// The file.
        file: PathBuf,
        /// How long it is.
        bytes: usize,
    },
    /// The operating system gives no random bytes.
    #[error("the operating system gives no random bytes: {0}")]
    NoRandomness(String),
}

/// The secret, if there is one.
///
/// # Errors
/// [`KeyError`].
pub fn read(key: Key, file: &Path) -> Result<Option<Vec<u8>>, KeyError> {
    let file = file.to_owned();
    match std::fs::read(&file) {
        Ok(secret) if secret.len() == BYTES => Ok(Some(secret)),
        Ok(secret) => Err(KeyError::Damaged { key, file, bytes: secret.len() }),
        Err(error) if error.kind() == io::ErrorKind::NotFound => Ok(None),
        Err(error) => Err(KeyError::Io { key, file, doing: "read", why: error.to_string() }),
    }
}

/// What to do about a file that others than its owner may read, if it is one: anybody who reads it can make
/// tokens, an admin's among them, or tickets.
#[must_use]
pub fn exposure(key: Key, file: &Path) -> Option<String> {
    #[cfg(unix)]
    {
        let mode = std::os::unix::fs::PermissionsExt::mode(&std::fs::metadata(file).ok()?.permissions());
        let others = match mode & 0o044 {
            0 => return None,
            0o040 => "its group",
            _ => "every user of this machine",
        };
        let (file, mode, power) = (file.display(), mode & 0o777, key.power());
        Some(format!("{file} can be read by {others} (mode {mode:o}), who can make {power} with it; run: chmod 600 {file}"))
    }
    #[cfg(not(unix))]
    None
}

/// The secret, made on first use.
///
/// # Errors
/// [`KeyError`].
pub fn read_or_create(key: Key, file: &Path) -> Result<Vec<u8>, KeyError> {
    if let Some(secret) = read(key, file)? {
        return Ok(secret);
    }
    let failed = |error: io::Error| KeyError::Io { key, file: file.to_owned(), doing: "written", why: error.to_string() };
    // Written aside and then linked into place, so that nobody reads half a key, and of two who
    // make one at once both end up with the same.
    // By a name of its own: in containers, every process may have the same id.
    let name: String = random()?.iter().take(8).map(|byte| format!("{byte:02x}")).collect();
    let aside = file.with_file_name(format!(".new.key-{name}"));
    let linked = write_private(&aside, &random()?).and_then(|()| std::fs::hard_link(&aside, file));
    let _may_not_exist = std::fs::remove_file(&aside);
    match linked {
        Ok(()) => {}
        Err(error) if error.kind() == io::ErrorKind::AlreadyExists => {}
        Err(error) => return Err(failed(error)),
    }
    read(key, file)?.ok_or_else(|| failed(io::ErrorKind::NotFound.into()))
}

/// The only randomness besides the `Ids` port: a secret must not come from a simulation.
///
/// # Errors
/// The operating system gives none.
#[expect(clippy::disallowed_methods, reason = "this is the place where the key that must not be guessed is drawn")]
pub fn random() -> Result<[u8; BYTES], KeyError> {
    let mut secret = [0; BYTES];
    getrandom::fill(&mut secret).map_err(|error| KeyError::NoRandomness(error.to_string()))?;
    Ok(secret)
}

fn write_private(path: &Path, secret: &[u8]) -> io::Result<()> {
    let mut options = OpenOptions::new();
    options.write(true).create(true).truncate(true);
    #[cfg(unix)]
    std::os::unix::fs::OpenOptionsExt::mode(&mut options, 0o600);
    let mut file: File = options.open(path)?;
    file.write_all(secret)?;
    file.sync_all()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn made_once_private_and_kept() {
        let dir = tempfile::tempdir().unwrap();
        let file = dir.path().join("token.key");
        assert!(read(Key::Token, &file).unwrap().is_none());
        let key = read_or_create(Key::Token, &file).unwrap();
        assert_eq!(key.len(), BYTES);
        assert_eq!(read_or_create(Key::Token, &file).unwrap(), key);
        assert_eq!(std::fs::read_dir(dir.path()).unwrap().count(), 1, "nothing is left aside");
        #[cfg(unix)]
        {
            use std::os::unix::fs::PermissionsExt;
            assert_eq!(std::fs::metadata(&file).unwrap().permissions().mode() & 0o777, 0o600);
        }
    }

    #[test]
    #[cfg(unix)]
    fn a_key_that_others_may_read_is_exposed() {
        use std::os::unix::fs::PermissionsExt;
        let dir = tempfile::tempdir().unwrap();
        let file = dir.path().join("token.key");
        assert_eq!(exposure(Key::Token, &file), None, "there is none");
        read_or_create(Key::Token, &file).unwrap();
        for (mode, who) in [(0o600, None), (0o400, None), (0o640, Some("its group")), (0o644, Some("every user"))] {
            std::fs::set_permissions(&file, std::fs::Permissions::from_mode(mode)).unwrap();
            let said = exposure(Key::Token, &file);
            assert!(said.as_deref().map(|said| who.is_some_and(|who| said.contains(who))).unwrap_or(who.is_none()), "{said:?}");
        }
    }

    #[test]
    fn two_data_directories_have_two_keys() {
        let (one, other) = (tempfile::tempdir().unwrap(), tempfile::tempdir().unwrap());
        assert_ne!(
            read_or_create(Key::Token, &one.path().join("key")).unwrap(),
            read_or_create(Key::Token, &other.path().join("key")).unwrap()
        );
    }

    #[test]
    fn a_damaged_key_is_never_overwritten() {
        let dir = tempfile::tempdir().unwrap();
        let file = dir.path().join("token.key");
        std::fs::write(&file, b"short").unwrap();
        let refused = |key| read_or_create(key, &file).unwrap_err().to_string();
        assert!(
            refused(Key::Token)
                .ends_with("has 5 bytes instead of 32; delete it to get a new one, which ends all tokens minted so far")
        );
        assert!(refused(Key::Ticket).ends_with("which makes all tickets printed so far void"));
        assert_eq!(std::fs::read(&file).unwrap(), b"short");
    }
}

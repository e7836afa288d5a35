//! The log's files are for their owner only: they name buyers and what they paid.

use std::fs::OpenOptions;
use std::path::Path;

/// New files get mode 0600.
pub fn for_owner(options: &mut OpenOptions) {
    #[cfg(unix)]
    std::os::unix::fs::OpenOptionsExt::mode(options, 0o600);
    #[cfg(not(unix))]
    let _same_everywhere = options;
}

/// Takes an existing file from everybody but its owner. A file of another owner stays as it is.
pub fn close_to_others(path: &Path) {
    #[cfg(unix)]
    {
        use std::os::unix::fs::PermissionsExt;
        let Ok(file) = std::fs::metadata(path) else { return };
        let mode = file.permissions().mode() & 0o777;
        if mode & 0o077 == 0 {
            return;
        }
        if let Err(error) = std::fs::set_permissions(path, std::fs::Permissions::from_mode(mode & 0o700)) {
            tracing::warn!(%error, file = %path.display(), "others on this machine can read it");
        }
    }
    #[cfg(not(unix))]
    let _same_everywhere = path;
}

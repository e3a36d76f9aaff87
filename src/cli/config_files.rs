//! The files with settings: where they may be, whose they must be, and reading
//! them.

use std::ffi::OsString;
use std::path::{Path, PathBuf};

use crate::sys::{files, rights};

use super::error::Error;

/// A file of settings, as it was read.
pub struct ConfigFile {
    /// Its path.
    pub path: PathBuf,
    /// Its text.
    pub text: String,
}

/// Reads the file that counts: the one a flag names, else the user's, else the
/// system's; `None` where there is none.
///
/// # Errors
/// For a file that cannot be read, and for one that nobody named and that is
/// another user's.
pub fn read(named: Option<&Path>, name: &str) -> Result<Option<ConfigFile>, Error> {
    let places = Places::of_this_process();
    let path = match named {
        Some(path) => path.to_owned(),
        None => match places.candidates(name).into_iter().find(|path| path.exists()) {
            Some(path) => path,
            None => return Ok(None),
        },
    };
    let failed = |error| Error::Usage(format!("cannot read {}: {error}", path.display()));
    if named.is_none() {
        places.must_trust(&path, files::owner(&path).map_err(failed)?)?;
    }
    let text = files::read_text(&path, files::SMALL).map_err(failed)?;
    Ok(Some(ConfigFile { path, text }))
}

/// Returns the user's own file of a name where it is there and not read, because this
/// program has rights that its caller has not.
pub fn passed_over(name: &str) -> Option<PathBuf> {
    let places = Places::of_this_process();
    let user = places.user().filter(|_| places.rights_are_lent)?.join(name);
    user.exists().then_some(user)
}

/// The places where files may be and the users whose they must be, from the
/// environment.
struct Places {
    config_home: Option<OsString>,
    home: Option<OsString>,
    /// The user who runs this program, and the one who asked for that by sudo(8).
    user: u32,
    invoker: Option<u32>,
    /// The environment is then that of somebody with fewer rights.
    rights_are_lent: bool,
}

impl Places {
    fn of_this_process() -> Self {
        let variable = |name| std::env::var_os(name);
        Self {
            config_home: variable("XDG_CONFIG_HOME"),
            home: variable("HOME"),
            user: files::own_user(),
            invoker: variable("SUDO_UID").and_then(|uid| uid.to_str()?.parse().ok()),
            rights_are_lent: rights::are_lent(),
        }
    }

    fn candidates(&self, name: &str) -> Vec<PathBuf> {
        let user = self.user().filter(|_| !self.rights_are_lent);
        user.into_iter().chain([PathBuf::from("/etc")]).map(|dir| dir.join(name)).collect()
    }

    /// Returns the user's directory of settings. A relative one would be another in each
    /// working directory, and is ignored (XDG Base Directory Specification).
    fn user(&self) -> Option<PathBuf> {
        let absolute =
            |path: &OsString| Some(PathBuf::from(path)).filter(|path| path.is_absolute());
        let home = || Some(absolute(self.home.as_ref()?)?.join(".config"));
        self.config_home.as_ref().and_then(absolute).or_else(home)
    }

    /// Trusts by its owner a file that the environment led to.
    fn must_trust(&self, path: &Path, owner: u32) -> Result<(), Error> {
        let invoker = self.invoker.filter(|_| self.user == 0);
        if owner == 0 || owner == self.user || Some(owner) == invoker {
            return Ok(());
        }
        Err(Error::Usage(format!(
            "{} is not read: it belongs to user {owner}, neither to root nor to who runs this; \
             name it with a flag if it shall count",
            path.display()
        )))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn places(config_home: Option<&str>, home: Option<&str>) -> Places {
        Places {
            config_home: config_home.map(Into::into),
            home: home.map(Into::into),
            user: 1000,
            invoker: None,
            rights_are_lent: false,
        }
    }

    #[test]
    fn the_user_s_place_comes_first_and_is_absolute() {
        let of = |places: Places| {
            let found = places.candidates("x.toml");
            found.iter().map(|path| path.display().to_string()).collect::<Vec<_>>()
        };
        assert_eq!(of(places(Some("/c"), Some("/h"))), ["/c/x.toml", "/etc/x.toml"]);
        assert_eq!(of(places(Some("c"), Some("/h"))), ["/h/.config/x.toml", "/etc/x.toml"]);
        assert_eq!(of(places(Some(""), Some("h"))), ["/etc/x.toml"]);
        let lent = Places { rights_are_lent: true, ..places(Some("/c"), Some("/h")) };
        assert_eq!(of(lent), ["/etc/x.toml"]);
    }

    #[test]
    fn a_file_is_trusted_by_its_owner() {
        let trusts = |places: &Places, owner| places.must_trust(Path::new("x"), owner).is_ok();
        let user = places(None, None);
        assert!(trusts(&user, 1000) && trusts(&user, 0) && !trusts(&user, 1001));
        let root = Places { user: 0, ..places(None, None) };
        assert!(trusts(&root, 0) && !trusts(&root, 1000));
        let sudo = Places { user: 0, invoker: Some(1000), ..places(None, None) };
        assert!(trusts(&sudo, 1000) && !trusts(&sudo, 1001));
        // Whoever sets the variable without being root gains nothing.
        let fake = Places { invoker: Some(1001), ..places(None, None) };
        assert!(!trusts(&fake, 1001));
    }
}

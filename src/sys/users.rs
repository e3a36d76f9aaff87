//! Names of users, asked once each.

use std::sync::{Mutex, PoisonError};

use uzers::{Users as _, UsersCache};

/// Turns user ids into names through the C library's user database.
///
/// A first question can go out to LDAP or the like and take long; every
/// answer, also "nobody has this id", is kept.
#[derive(Default)]
pub struct Users {
    cache: Mutex<UsersCache>,
}

impl Users {
    /// Makes an empty cache.
    pub fn new() -> Self {
        Self::default()
    }

    /// Returns the name of user `uid`; `None` when the database has none. Bytes that
    /// are not UTF-8 are replaced.
    pub fn name(&self, uid: u32) -> Option<String> {
        let cache = self.cache.lock().unwrap_or_else(PoisonError::into_inner);
        let user = cache.get_user_by_uid(uid)?;
        Some(user.name().to_string_lossy().into_owned())
    }
}

/// Returns the id of the user `name`; `None` when the database has none.
pub fn user_id(name: &str) -> Option<u32> {
    uzers::get_user_by_name(name).map(|user| user.uid())
}

#[cfg(test)]
mod tests {
    use super::Users;

    #[test]
    fn knows_root_and_not_everyone() {
        let users = Users::new();
        // An image without /etc/passwd has no root either.
        if std::fs::read_to_string("/etc/passwd").is_ok_and(|text| text.starts_with("root:")) {
            assert_eq!(users.name(0).as_deref(), Some("root"));
            assert_eq!(users.name(0).as_deref(), Some("root"), "also from the cache");
        }
        assert_eq!(users.name(4_000_000_000), None);
    }
}

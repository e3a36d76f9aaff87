//! The systemd unit a control group belongs to, read off its path.

/// Returns the innermost unit in a cgroup path: `nginx.service` of
/// `/system.slice/nginx.service/worker`.
///
/// A service, scope or other unit that holds processes wins over the slices
/// around and below it: a slice is named only when there is nothing else. The
/// leading `_` that systemd puts before a unit name the kernel could take for
/// a control file (`cg_escape()` in its cgroup-util.c) is dropped. `None` when
/// no component is named like a unit: no systemd, or the root.
pub fn unit_of(path: &str) -> Option<&str> {
    let units = || path.rsplit('/').map(|name| name.strip_prefix('_').unwrap_or(name));
    units()
        .find(|name| has_type(name, &["service", "scope", "socket", "mount", "swap"]))
        .or_else(|| units().find(|name| has_type(name, &["slice"])))
}

fn has_type(name: &str, types: &[&str]) -> bool {
    name.rsplit_once('.').is_some_and(|(stem, suffix)| !stem.is_empty() && types.contains(&suffix))
}

#[cfg(test)]
mod tests {
    use super::unit_of;

    #[test]
    fn names_the_innermost_unit() {
        let cases = [
            ("/system.slice/api.service", Some("api.service")),
            ("/system.slice/api.service/worker/3", Some("api.service")),
            ("/system.slice/api.socket", Some("api.socket")),
            ("/init.scope", Some("init.scope")),
            (
                "/user.slice/user-1000.slice/user@1000.service/app.slice/app-foo@1.service",
                Some("app-foo@1.service"),
            ),
            // A bare slice below a service holds what the service started.
            ("/user.slice/user-1000.slice/user@1000.service/app.slice", Some("user@1000.service")),
            ("/user.slice/user-0.slice/session-4.scope", Some("session-4.scope")),
            (
                "/kubepods.slice/kubepods-pod1.slice/cri-containerd-ab12.scope",
                Some("cri-containerd-ab12.scope"),
            ),
            // systemd inside a container: the unit inside is the answer.
            ("/machine.slice/c1.scope/system.slice/nginx.service", Some("nginx.service")),
            ("/system.slice/_cgroup.service", Some("cgroup.service")),
            (r"/system.slice/dev-disk\x2dby.swap", Some(r"dev-disk\x2dby.swap")),
            ("/system.slice", Some("system.slice")),
            ("/docker/0123abcd", None),
            ("/.service", None),
            ("/service", None),
            ("/", None),
            ("", None),
        ];
        for (path, unit) in cases {
            assert_eq!(unit_of(path), unit, "{path}");
        }
    }
}

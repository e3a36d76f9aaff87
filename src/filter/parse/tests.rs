//! What is understood, and what errors say.

use proptest::prelude::*;

use crate::filter::arbitrary;

use super::parse;

fn canonical(text: &str) -> String {
    match parse(text) {
        Ok(Some(expr)) => expr.to_string(),
        Ok(None) => String::new(),
        Err(error) => panic!("{error}"),
    }
}

fn all_canonical(cases: &[(&str, &str)]) {
    for (text, expected) in cases {
        assert_eq!(canonical(text), *expected, "{text}");
    }
}

#[test]
fn not_binds_closest_then_and_then_or() {
    all_canonical(&[
        ("sport 1 or sport 2 and sport 3", "sport = 1 or sport = 2 and sport = 3"),
        ("(sport 1 or sport 2) sport 3", "(sport = 1 or sport = 2) and sport = 3"),
        ("not sport 1 and sport 2", "not sport = 1 and sport = 2"),
        ("!(sport 1 & sport 2) | ! sport 3", "not (sport = 1 and sport = 2) or not sport = 3"),
        ("sport 1 && sport 2 || NOT sport 3", "sport = 1 and sport = 2 or not sport = 3"),
        ("! ! sport 1", "not not sport = 1"),
        ("((sport 1))", "sport = 1"),
        ("sport 1 and (sport 2 and sport 3)", "sport = 1 and (sport = 2 and sport = 3)"),
        ("  ", ""),
    ]);
}

#[test]
fn every_spelling_of_ports_is_understood() {
    all_canonical(&[
        ("sport=:22", "sport = 22"),
        ("sport :22", "sport = 22"),
        ("(sport == 0x16)", "sport = 22"),
        ("SPORT neq :ssh", "sport != ssh"),
        ("dport>=8000", "dport >= 8000"),
        ("dport geq 8000 dport lt 9000", "dport >= 8000 and dport < 9000"),
        ("sport 8000-8099", "sport = 8000-8099"),
        ("dport != { 80 ,443,:8000-8010, http-alt}", "dport != {80,443,8000-8010,http-alt}"),
        ("dport {80}", "dport = 80"),
        ("sport = :*", "sport = *"),
        ("dport = inet:443", "dst 0.0.0.0/0 and dport = 443"),
        (r"sport \80", r"sport = \80"),
    ]);
}

#[test]
fn every_spelling_of_hosts_is_understood() {
    all_canonical(&[
        ("src 10.0.0.1", "src 10.0.0.1"),
        ("src /run/x* or dst = @bus", "src unix:/run/x* or dst unix:@bus"),
        ("src = 10/8", "src 10.0.0.0/8"),
        ("src 10.1", "src 10.1.0.0"),
        ("src 0x0a.1.2.3", "src 10.1.2.3"),
        ("src 10.1.2.3/255.255.0.0", "src 10.1.0.0/16"),
        ("dst 10.0.0.1:443", "dst 10.0.0.1 and dport = 443"),
        ("not dst 10.0.0.1:443", "not (dst 10.0.0.1 and dport = 443)"),
        ("dst != 10.0.0.1:443", "not (dst 10.0.0.1 and dport = 443)"),
        (
            "dst 10/8:1-9 or dst 10/8:{1,2}",
            "dst 10.0.0.0/8 and dport = 1-9 or dst 10.0.0.0/8 and dport = {1,2}",
        ),
        ("src [2001:db8::1]", "src [2001:db8::1]"),
        ("src [2001:db8::/32]:443", "src [2001:db8::/32] and sport = 443"),
        ("src [2001:db8::1]/32", "src [2001:db8::/32]"),
        ("src [2001:db8::1]/32:443", "src [2001:db8::/32] and sport = 443"),
        ("dst ::1", "dst [::1]"),
        ("dst ::1:80", "dst [::1:80]"),
        ("dst 2001:db8::1/64", "dst [2001:db8::/64]"),
        ("dst [::ffff:10.9.8.7]", "dst [::ffff:10.9.8.7]"),
        ("src any or src ALL or src * or src default", "src * or src * or src * or src *"),
        ("src :80 or src *:80", "sport = 80 or sport = 80"),
        ("src inet:* and dst inet6:*", "src 0.0.0.0/0 and dst [::/0]"),
        ("src inet6:::1", "src [::1]"),
        ("src web.example:http", "src web.example and sport = http"),
        ("src inet:web", "src inet:web"),
        (r"src \any", r"src \any"),
        ("src unix:/run/*.sock", "src unix:/run/*.sock"),
        ("src unix:@a=b,c (dst UNIX:x)", r"src unix:@a\=b,c and dst unix:x"),
    ]);
}

#[test]
fn states_add_up_as_in_ss() {
    all_canonical(&[
        ("state estab state time-wait", "state established state time-wait"),
        ("state CLOSE_WAIT", "state close-wait"),
        (
            "state connected exclude time-wait sport 1",
            "exclude listen exclude time-wait exclude close exclude bound and sport = 1",
        ),
        ("exclude listening exclude closed", "exclude listen exclude close"),
        (
            "sport 1 and (state listen or not state time-wait)",
            "sport = 1 and (state listen or not state time-wait)",
        ),
        ("state listen and state close", "state listen and state close"),
        ("not state listen state close", "not state listen and state close"),
        ("not (state listen state close)", "not (state listen state close)"),
        ("state != listen", "exclude listen"),
        ("state all", "state all"),
        ("state bucket", "state syn-recv state time-wait"),
    ]);
}

#[test]
fn the_other_tests_are_understood() {
    all_canonical(&[
        ("dev lo or dev != 0", "dev lo or not dev 0"),
        ("fwmark = 0x10 fwmark 1/0xff", "fwmark 0x10 and fwmark 0x1/0xff"),
        (
            "cgroup system.slice cgroup /a//b/ cgroup 4711",
            "cgroup /system.slice and cgroup /a/b/ and cgroup 4711",
        ),
        ("autobound", "autobound"),
        ("process nginx* pid 812", "process nginx* and pid 812"),
        (r"process tmux:\ server", r"process tmux:\ server"),
        (r"process \state", r"process \state"),
        ("user root user 1000", "user root and user 1000"),
        ("inode 5 cookie 0x5e37", "inode 5 and cookie 0x5e37"),
        ("recvq > 64k sendq<=1M", "recvq > 65536 and sendq <= 1048576"),
        ("queue >= limit queue > 0", "queue >= limit and queue > 0"),
        ("drops != 0 retrans ge 3", "drops != 0 and retrans >= 3"),
        ("age > 300s rtt >= 100ms rtt < 1500us", "age > 5m and rtt >= 100ms and rtt < 1500us"),
        ("local 10.0.0.1:80 remote-addr ::1", "src 10.0.0.1 and sport = 80 and dst [::1]"),
        ("local_port 22 REMOTE-PORT != 80", "sport = 22 and dport != 80"),
        ("ifindex 2 mark 0x10 uid 0", "dev 2 and fwmark 0x10 and user 0"),
        ("comm nginx rtt_us > 1ms recv-q > 1k", "process nginx and rtt > 1ms and recvq > 1024"),
        ("path /run/*.sock peer-path != @x", "src unix:/run/*.sock and not dst unix:@x"),
        ("user mark dst remote", "user mark and dst remote"),
        ("age > 1.5s age < 1h30M", "age > 1500ms and age < 90m"),
        ("timer on timer = persist timer none", "timer retransmit and timer probe and timer none"),
        ("unit nginx owner none scope any", "unit nginx and owner none and scope any"),
    ]);
}

/// The expression, the part the carets are under, a part of the message.
const ERRORS: &[(&str, &str, &str)] = &[
    ("src 10.0.0.1 or", "", "a test: state, exclude, src"),
    ("sport = 22 23", "23", "a test: state"),
    ("sport = 22 )", ")", "no ( is open"),
    ("and sport = 22", "and", "a test: state"),
    ("()", ")", "a test: state"),
    ("(sport 1", "", "a closing ) for every ("),
    ("(sport 1 ,", ",", "a test"),
    ("sport", "", "a port (0 to 65535)"),
    ("sport = and", "and", "a \\ before a word"),
    ("sport = 70000", "70000", "a port: a number from 0 to 65535"),
    ("sport < -1", "-1", "a port (0 to 65535)"),
    ("sport = 022", "022", "without leading zeros"),
    ("sport 9-3", "9-3", "from the lower to the higher"),
    ("sport 3-70000", "70000", "from 0 to 65535"),
    ("sport < 1-3", "1-3", "one port after <"),
    ("sport < {1,2}", "{1,2}", "one port after <"),
    ("sport {}", "}", "at least one port"),
    ("sport {1,}", "}", "in this set"),
    ("sport {1 2}", "2", "a comma or a closing }"),
    ("sport {1", "", "a comma or a closing }"),
    ("sport = unix:x", "unix:x", "unix sockets have none"),
    ("dst 10.0.0.1:", "", "a port (0 to 65535)"),
    ("src 300.1.1.1/8", "300", "from 0 to 255"),
    ("src 1.2.3.4.5", "1.2.3.4.5", "four numbers at most"),
    ("src 1.2.3.4/33", "33", "from 0 to 32"),
    ("src 1.2.3.4/255.0.255.0", "255.0.255.0", "a netmask without gaps"),
    ("src [::1/129]", "129", "from 0 to 128"),
    ("src [::1", "[::1", "a closing ]"),
    ("src [::1]x", "x", "/LENGTH or :PORT"),
    ("src fe80::1%lo", "fe80::1%lo", "an IPv6 address"),
    ("src inet:::1", "::1", "an IPv4 address after inet:"),
    ("src inet6:10.0.0.1", "10.0.0.1", "an IPv6 address after inet6:"),
    ("src netlink:15", "netlink:", "one of the families inet:, inet6: and unix:"),
    ("src web/8", "web/8", "an address ("),
    ("src inet:/run/x", "/run/x", "an address ("),
    ("src unix:", "", "a path or pattern"),
    ("state banana", "banana", "a state: listen, syn-sent"),
    ("state listen exclude all", "state listen exclude all", "leave at least one"),
    ("not state", "", "a state: listen"),
    ("fwmark > 1", ">", "= or !="),
    ("fwmark = zz", "zz", "a mark"),
    ("pid x", "x", "a process id"),
    ("cookie 0x", "0x", "a cookie"),
    ("recvq 5", "5", "a comparison"),
    ("recvq > 5x", "5x", "with k, m or g"),
    ("queue >= lim", "lim", "(multiples of 1024), or limit"),
    ("recvq > 99999999999g", "99999999999g", "with k, m or g"),
    ("recvq > limit", "limit", "a whole number"),
    ("age > 5", "5", "with its unit"),
    ("timer soon", "soon", "a timer: none, retransmit"),
    ("scope here", "here", "a scope: loopback, private, public, any"),
    ("owner root", "root", "none (with a process"),
    ("process a[b", "[", "a closing ]"),
    ("process", "", "a process name"),
    ("unit", "", "a unit name"),
    ("banana 5", "banana", "a test: state"),
    ("= 5", "=", "a test such as sport = 22"),
    ("sport 1 or or sport 2", "or", "a test: state"),
];

#[test]
fn errors_point_at_the_token_and_say_what_is_allowed() {
    for (text, part, expected) in ERRORS {
        let error = match parse(text) {
            Ok(expr) => panic!("{text} was read as {expr:?}"),
            Err(error) => error,
        };
        assert_eq!(error.found, *part, "{error}");
        assert!(error.expected.contains(expected), "{error}");
        assert_eq!(error.expression, *text);
    }
}

#[test]
fn deep_nesting_is_an_error_not_a_crash() {
    for opening in ["(", "!", "not "] {
        let text = opening.repeat(100_000);
        let error = parse(&text).expect_err("too deep");
        assert_eq!(error.expected, "no more than 100 levels");
    }
    let long = "sport 1 ".repeat(50_000);
    assert!(parse(&long).is_ok());
}

proptest! {
    #[test]
    fn printed_expressions_are_read_back(expr in arbitrary::expr()) {
        let text = expr.to_string();
        match parse(&text) {
            Ok(Some(again)) => prop_assert_eq!(again, expr, "{}", text),
            Ok(None) => prop_assert!(false, "blank: {}", text),
            Err(error) => prop_assert!(false, "{error}"),
        }
    }

    #[test]
    fn any_text_is_read_or_refused(text in ".{0,40}") {
        let _ = parse(&text).map_err(|error| error.to_string());
    }

    #[test]
    fn any_words_are_read_or_refused(words in prop::collection::vec(
        prop::sample::select(vec![
            "sport", "src", "state", "listen", "exclude", "(", ")", "and", "or", "not", "=", "<",
            "{", "}", ",", "80", "8-9", "::", "[", "]", ":", "/", "\\", "unix:", "inet:", "*",
            "age", "5m", "limit", "queue", "process", "cgroup", "fwmark", "0x", ".", "é", " ",
        ]), 0..12))
    {
        let text = words.concat();
        let _ = parse(&text).map_err(|error| error.to_string());
        let text = words.join(" ");
        let _ = parse(&text).map_err(|error| error.to_string());
    }
}

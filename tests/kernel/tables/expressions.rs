//! What is said of a filter: where it is wrong, and what it means.

use anyhow::ensure;

use crate::kit::run::Run;
use crate::kit::{Check, Result};

pub const CHECKS: &[Check] =
    &[("errors_point_at_the_place", filter_errors), ("explained", explained)];

/// Expression, carets, what stands below; every one a whole stderr.
#[rustfmt::skip]
const ERRORS: &[(&str, &str, &str)] = &[
    ("sport = 70000",
     "        ^^^^^",
     "expected a port: a number from 0 to 65535; found \"70000\""),
    ("sport = 80 or",
     "             ^",
     "expected a test: state, exclude, src, dst, sport, dport, dev, fwmark, cgroup, autobound, process, pid, user, owner, unit, inode, cookie, recvq, sendq, queue, drops, age, retrans, rtt, timer, scope; the expression ends here"),
    ("(sport = 80",
     "           ^",
     "expected a closing ) for every (; the expression ends here"),
    ("sport = 80)",
     "          ^",
     "expected and, or, a test or the end: no ( is open; found \")\""),
    ("sprot = 80",
     "^^^^^",
     "expected a test: state, exclude, src, dst, sport, dport, dev, fwmark, cgroup, autobound, process, pid, user, owner, unit, inode, cookie, recvq, sendq, queue, drops, age, retrans, rtt, timer, scope; found \"sprot\""),
    ("state banana",
     "      ^^^^^^",
     "expected a state: listen, syn-sent, syn-recv, established, close-wait, fin-wait1, fin-wait2, closing, last-ack, time-wait, close, bound; or one of the sets all, connected, synchronized, bucket, big; found \"banana\""),
    ("src 10.0.0.0/33",
     "             ^^",
     "expected a prefix length: a number from 0 to 32; found \"33\""),
    ("src [::1/129]",
     "         ^^^",
     "expected a prefix length: a number from 0 to 128; found \"129\""),
    ("src 300.1.1.1",
     "    ^^^",
     "expected a part of an IPv4 address: a number from 0 to 255; found \"300\""),
    ("dport {}",
     "       ^",
     "expected at least one port: a set such as {80,443,8000-8010}; found \"}\""),
    ("dport {80,}",
     "          ^",
     "expected a port (0 to 65535), a range such as 8000-8099, a service name, or * in this set; found \"}\""),
    ("sport 90-80",
     "      ^^^^^",
     "expected a range from the lower to the higher port; found \"90-80\""),
    ("age > 5x",
     "      ^^",
     "expected a time with its unit (us, ms, s, m, h or d), such as 5m or 1.5s; found \"5x\""),
    ("rtt 5ms",
     "    ^^^",
     "expected a comparison: <, <=, >, >=, = or !=; found \"5ms\""),
    ("queue > limits",
     "        ^^^^^^",
     "expected a whole number, or one with k, m or g (multiples of 1024), or limit; found \"limits\""),
    ("cookie zz",
     "       ^^",
     "expected a cookie such as 0x5e37: a number from 0 to 18446744073709551615; found \"zz\""),
    ("dev no-such-device",
     "    ^^^^^^^^^^^^^^",
     "no network device is called 'no-such-device'"),
    ("user no-such-user",
     "     ^^^^^^^^^^^^",
     "no user is called 'no-such-user'"),
    ("sport = no-such-service",
     "        ^^^^^^^^^^^^^^^",
     "no service is called 'no-such-service'"),
    ("fwmark > 1",
     "       ^",
     "expected = or !=, or the value at once; found \">\""),
    ("state listen exclude listen",
     "^^^^^^^^^^^^^^^^^^^^^^^^^^^",
     "expected states that leave at least one; found \"state listen exclude listen\""),
    ("timer banana",
     "      ^^^^^^",
     "expected a timer: none, retransmit, on, keepalive, timewait, probe, persist, delack, off; found \"banana\""),
    ("scope wide",
     "      ^^^^",
     "expected a scope: loopback, private, public, any; found \"wide\""),
    ("owner me",
     "      ^^",
     "expected none (with a process: process, pid or user); found \"me\""),
    ("src netlink:1",
     "    ^^^^^^^^",
     "expected one of the families inet:, inet6: and unix:; found \"netlink:\""),
    ("dst größe/8",
     "    ^^^^^^^",
     "expected an address (10.0.0.1, 10.0.0.0/8, [2001:db8::1], [2001:db8::/32]), a host name, a unix socket (/PATH, @NAME, unix:PATTERN), or *, each but unix also with :PORT; found \"größe/8\""),
    ("sport 80 80",
     "         ^^",
     "expected a test: state, exclude, src, dst, sport, dport, dev, fwmark, cgroup, autobound, process, pid, user, owner, unit, inode, cookie, recvq, sendq, queue, drops, age, retrans, rtt, timer, scope; found \"80\""),
];

fn filter_errors() -> Result<()> {
    ensure!(ERRORS.len() >= 15);
    for command in ["list", "count", "listeners"] {
        for (expression, carets, expected) in ERRORS {
            let output = Run::new([command, expression]).run()?.ended(2)?;
            let said = format!(
                "sockstate: the filter makes no sense\n  {expression}\n  {carets}\n{expected}\n"
            );
            ensure!(output.stderr == said && output.stdout.is_empty(), "{command}\n{output}");
        }
    }
    // Words of several arguments are one expression.
    let output =
        Run::new(["list", "-t", "sport", "=", "80", "and", "state", "x"]).run()?.ended(2)?;
    let said = "sockstate: the filter makes no sense\n  sport = 80 and state x\n                       ^\n";
    ensure!(output.stderr.starts_with(said), "{output}");
    Ok(())
}

/// Flag, expression, and the whole stdout.
const EXPLAINED: &[(&str, &str, &str)] = &[
    (
        "-t",
        "state close-wait and (sport {80,443} or process nginx)",
        "\
read as
  all of
    state close-wait
    one of
      sport = {80,443}
      process nginx

tcp, tcp6
  asked of the kernel
    states: close-wait
    program: none
  decided here
    one of
      sport = {80,443}
      process nginx
  which needs the processes that hold sockets
",
    ),
    (
        "-tu",
        "not (dst 10/8 or dport < 1024) exclude listen",
        "\
read as
  all of
    not
      one of
        dst 10.0.0.0/8
        dport < 1024
    exclude listen

tcp, tcp6, udp, udp6
  asked of the kernel
    states: all but listen
    program of 28 bytes:
          0  remote address in 10.0.0.0/8, else 20
         16  goto reject
         20  remote port >= 1024, else reject
  decided here: nothing
",
    ),
    (
        "-t",
        "fwmark 1 dev lo src 10.0.0.0/8:443",
        "\
read as
  all of
    fwmark 0x1
    dev 1
    src 10.0.0.0/8
    sport = 443

tcp, tcp6
  asked of the kernel
    states: all
    local port: 443
    program of 36 bytes:
          0  mark & 0xffffffff = 0x1, else reject
         12  device index = 1, else reject
         20  local address in 10.0.0.0/8, else reject
  decided here: nothing
  which needs CAP_NET_ADMIN, to see marks
",
    ),
    (
        "-tx",
        "queue >= limit",
        "\
read as
  queue >= limit

tcp, tcp6, unix
  asked of the kernel
    states: listen
    program: none
  decided here
    queue >= limit
",
    ),
    (
        "-x",
        "src /run/* dst unix:x",
        "\
read as
  all of
    src unix:/run/*
    dst unix:x

unix
  asked of the kernel
    states: all
    program: none
  decided here
    all of
      src unix:/run/*
      dst unix:x
  which needs the names of unix peers
",
    ),
    (
        "-t",
        "sport = 80 or sport = 443 and not rtt > 100ms",
        "\
read as
  one of
    sport = 80
    all of
      sport = 443
      not
        rtt > 100ms

tcp, tcp6
  asked of the kernel
    states: all
    program of 20 bytes:
          0  local port = 80, else 12
          8  goto accept
         12  local port = 443, else reject
  decided here
    one of
      sport = 80
      all of
        sport = 443
        not
          rtt > 100ms
  which needs tcp_info of every row
",
    ),
    (
        "-tx",
        "sport 22",
        "\
read as
  sport = 22

tcp, tcp6
  asked of the kernel
    states: all
    local port: 22
    program: none
  decided here: nothing

unix
  not read: no row of it can match
",
    ),
];

fn explained() -> Result<()> {
    for (flag, expression, expected) in EXPLAINED {
        let output = Run::new(["list", "-a", flag, "--explain-filter", expression]).run()?.ok()?;
        ensure!(output.stdout == *expected && output.stderr.is_empty(), "{expression}\n{output}");
    }
    // A port is taken by a connection, whatever else is shown.
    let ports = Run::new(["ports", "-a", "--explain-filter", "dport = 443"]).run()?.ok()?;
    ensure!(ports.stdout.contains("states: all but listen, close, bound\n"), "{ports}");
    // Without -a the states are those that are shown unasked.
    const UNASKED: &str = "all but listen, syn-recv, time-wait, close, bound";
    const NONE: &str = "no filter: every row in these states is shown\n\n";
    const ASKED: &str = "read as\n  sport > 80\n\ntcp, tcp6\n  asked of the kernel";
    const HERE: &str = "  decided here\n    sport > 80\n";
    for (words, expected) in [
        ("-t", format!("{NONE}tcp, tcp6\n  states: {UNASKED}\n")),
        ("-ta", format!("{NONE}tcp, tcp6\n  states: all\n")),
        (
            "-tul",
            format!("{NONE}tcp, tcp6\n  states: listen\n\nudp, udp6\n  states: listen, close\n"),
        ),
        (
            "-A p_raw",
            format!(
                "{NONE}packet\n  states: all but listen, syn-recv, time-wait, bound\n  only of type raw\n"
            ),
        ),
        (
            "-t --no-kernel-filter sport>80",
            format!("{ASKED}, nothing of the filter\n    states: {UNASKED}\n{HERE}"),
        ),
        (
            "-t --source proc sport>80",
            format!(
                "read as\n  sport > 80\n\ntcp, tcp6\n  read, the kernel is not asked\n    states: {UNASKED}\n{HERE}"
            ),
        ),
        (
            "-t sport=22",
            format!(
                "read as\n  sport = 22\n\ntcp, tcp6\n  asked of the kernel\n    states: {UNASKED}\n    local port: 22\n    program: none\n  decided here: nothing\n"
            ),
        ),
    ] {
        let args = ["list", "--explain-filter"].into_iter().chain(words.split(' '));
        let output = Run::new(args).run()?.ok()?;
        ensure!(output.stdout == expected, "{words}: {expected}\n{output}");
    }
    // What -a would show is not: that is why nothing is.
    let output = Run::new(["list", "-t", "--explain-filter", "queue >= limit"]).run()?.ok()?;
    ensure!(output.stdout.contains("    states: none, so that no row is shown\n"), "{output}");
    Run::new(["list", "-t", "--explain-filter", "--json", "sport > 80"]).run()?.ended(2)?;
    Ok(())
}

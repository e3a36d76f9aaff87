//! Rules about data that does not move.

use std::io::{Read, Write};

use anyhow::ensure;

use super::{
    Check, alerts_of, check, clears, drain, evidence, fill, fires_once, hear_nothing, is_about_us,
    is_clear, listener, pair, port, start,
};
use crate::kit::Result;
use crate::kit::states::Family;
use crate::kit::udp;

pub const CHECKS: &[Check] = &[
    ("retransmit_stall", retransmit_stall),
    ("zero_window_stall", zero_window_stall),
    ("recv_queue_stuck", recv_queue_stuck),
    ("send_queue_stuck", send_queue_stuck),
    ("udp_drops", udp_drops),
    ("udp_drops_while_looking", udp_drops_rise),
];

fn retransmit_stall() -> Result<()> {
    let (socket, at) = listener(5)?;
    let (_idle, _client) = pair(&socket, at)?;
    let (mut server, client) = pair(&socket, at)?;
    is_clear("retransmit-stall", "")?;
    hear_nothing(&client)?;
    server.write_all(&[b'x'; 1000])?;
    is_clear("retransmit-stall", "")?;
    let alert = fires_once("retransmit-stall", "")?;
    ensure!(alert["count"] == 1 && port(&alert) == Some(at.into()), "{alert:#}");
    ensure!(evidence(&alert, "retransmits")? >= 3, "{alert:#}");
    ensure!(evidence(&alert, "bytes")? == 1000, "{alert:#}");
    // The other end resets.
    client.set_linger(Some(std::time::Duration::ZERO))?;
    drop(client);
    clears("retransmit-stall", "")
}

fn zero_window_stall() -> Result<()> {
    let quick = "[zero-window-stall]\nage = \"500ms\"\n";
    let (socket, at) = listener(5)?;
    let (server, client) = pair(&socket, at)?;
    let (busy, reader) = pair(&socket, at)?;
    fill(&busy)?;
    drain(&reader)?;
    fill(&server)?;
    is_clear("zero-window-stall", "")?;
    let alert = fires_once("zero-window-stall", quick)?;
    ensure!(alert["count"] == 1 && port(&alert) == Some(at.into()), "{alert:#}");
    ensure!(evidence(&alert, "stalled_ms")? >= 500, "{alert:#}");
    ensure!(evidence(&alert, "bytes")? > 1000, "{alert:#}");
    drain(&client)?;
    clears("zero-window-stall", quick)
}

fn recv_queue_stuck() -> Result<()> {
    let quick = "[recv-queue-stuck]\nage = \"500ms\"\n";
    let (socket, at) = listener(5)?;
    let (server, client) = pair(&socket, at)?;
    let (mut small, _reader) = pair(&socket, at)?;
    // A little unread is nothing to speak of.
    small.write_all(&[b'x'; 3000])?;
    fill(&server)?;
    is_clear("recv-queue-stuck", "")?;
    let alert = fires_once("recv-queue-stuck", quick)?;
    is_about_us(&alert)?;
    ensure!(alert["count"] == 1 && evidence(&alert, "bytes")? >= 16_384, "{alert:#}");
    ensure!(evidence(&alert, "unread_ms")? >= 500, "{alert:#}");
    // A process that reads, however slowly, is not stuck.
    let (run, _dir) = start("recv-queue-stuck", quick, &["--for", "2s", "--interval", "100ms"])?;
    let mut running = run.start()?;
    running.meanwhile(|| Ok((&client).read_exact(&mut [0; 100])?))?;
    let output = running.finish()?;
    ensure!(alerts_of(&output)?.is_empty(), "{output}");
    drop(server);
    drain(&client)?;
    clears("recv-queue-stuck", quick)
}

fn send_queue_stuck() -> Result<()> {
    let quick = "[send-queue-stuck]\nage = \"500ms\"\n";
    let (socket, at) = listener(5)?;
    let (server, client) = pair(&socket, at)?;
    fill(&server)?;
    is_clear("send-queue-stuck", "")?;
    let alert = fires_once("send-queue-stuck", quick)?;
    ensure!(alert["count"] == 1 && port(&alert) == Some(at.into()), "{alert:#}");
    ensure!(evidence(&alert, "bytes")? >= 16_384, "{alert:#}");
    ensure!(evidence(&alert, "waiting_ms")? >= 500, "{alert:#}");
    drain(&client)?;
    clears("send-queue-stuck", quick)
}

/// Drops in the time of the look are told, with their number, full queue or not.
fn udp_drops_rise() -> Result<()> {
    let held = udp::with_drops(Family::V4)?;
    let socket = held.subject.as_ref().expect("it is open");
    let (run, _dir) = start("udp-drops", "", &["--for", "2s", "--interval", "100ms"])?;
    let mut running = run.start()?;
    let sender = std::net::UdpSocket::bind("127.0.0.1:0")?;
    running.meanwhile(|| Ok(sender.send_to(&[b'x'; 4000], held.local).map(drop)?))?;
    let output = running.finish()?;
    let alerts = alerts_of(&output)?;
    ensure!(alerts.len() == 1 && port(&alerts[0]) == Some(held.local.port().into()), "{output}");
    ensure!(evidence(&alerts[0], "drops_delta")? > 0, "{output}");
    // Read, and none lost while one looks: the old drops are history.
    drain(socket)?;
    let quiet = check("udp-drops", "", &["--for", "500ms", "--interval", "100ms"])?;
    ensure!(quiet.code() == Some(0), "{quiet}");
    Ok(())
}

fn udp_drops() -> Result<()> {
    let _unread = udp::unconnected(Family::V4, 3)?;
    is_clear("udp-drops", "")?;
    for family in [Family::V4, Family::V6] {
        let held = udp::with_drops(family)?;
        // The smallest buffer there is has room for two datagrams and a half.
        let alert = fires_once("udp-drops", "[udp-drops]\npercent = 50\n")?;
        ensure!(port(&alert) == Some(held.local.port().into()), "{alert:#}");
        ensure!(evidence(&alert, "drops")? > 0, "{alert:#}");
        // Once the queue is read, old drops are history.
        drain(held.subject.as_ref().expect("it is open"))?;
        clears("udp-drops", "[udp-drops]\npercent = 50\n")?;
    }
    Ok(())
}

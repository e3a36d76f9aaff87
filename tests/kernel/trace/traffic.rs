//! Whole lives of connections, of a few milliseconds each.

use std::io::{Read, Write};
use std::net::{IpAddr, Ipv4Addr, Ipv6Addr, SocketAddr};
use std::time::Duration;

use anyhow::Context;
use socket2::{Domain, Protocol, SockAddr, Socket, Type};

use crate::kit::{Result, poll};

/// A listening socket on a loopback address, and its port.
pub struct Server {
    pub listener: Socket,
    pub address: SocketAddr,
}

impl Server {
    pub fn new(ip: IpAddr) -> Result<Server> {
        let listener = stream(ip)?;
        listener.bind(&SockAddr::from(SocketAddr::new(ip, 0)))?;
        listener.listen(128)?;
        let address = listener.local_addr()?.as_socket().context("not an inet socket")?;
        Ok(Server { listener, address })
    }

    pub fn v4() -> Result<Server> {
        Server::new(Ipv4Addr::LOCALHOST.into())
    }

    pub fn v6() -> Result<Server> {
        Server::new(Ipv6Addr::LOCALHOST.into())
    }

    pub fn port(&self) -> u16 {
        self.address.port()
    }

    /// A connection, accepted: client and server.
    pub fn connect(&self) -> Result<(Socket, Socket)> {
        let client = stream(self.address.ip())?;
        client.connect(&SockAddr::from(self.address))?;
        Ok((client, self.listener.accept()?.0))
    }

    /// A connection that lives: data both ways, the client closes first.
    pub fn life(&self) -> Result<Cookies> {
        let (mut client, mut server) = self.connect()?;
        let cookies = Cookies { client: client.cookie()?, server: server.cookie()? };
        client.write_all(b"ping")?;
        server.read_exact(&mut [0; 4])?;
        server.write_all(b"pong")?;
        client.read_exact(&mut [0; 4])?;
        drop(client);
        // Its FIN has been processed once it is read.
        anyhow::ensure!(server.read(&mut [0; 4])? == 0, "more than was sent");
        drop(server);
        Ok(cookies)
    }

    /// A connection that the server resets.
    pub fn reset(&self) -> Result<Cookies> {
        let (mut client, server) = self.connect()?;
        let cookies = Cookies { client: client.cookie()?, server: server.cookie()? };
        server.set_linger(Some(Duration::ZERO))?;
        drop(server);
        poll("a reset", || Ok(client.read(&mut [0; 4]).is_err().then_some(())))?;
        Ok(cookies)
    }
}

/// How the kernel knows the two ends of a connection.
#[derive(Clone, Copy, Debug)]
pub struct Cookies {
    pub client: u64,
    pub server: u64,
}

/// A TCP socket of an address's family.
pub fn stream(ip: IpAddr) -> Result<Socket> {
    let domain = if ip.is_ipv4() { Domain::IPV4 } else { Domain::IPV6 };
    Ok(Socket::new(domain, Type::STREAM, Some(Protocol::TCP))?)
}

/// Connects to a port on which nobody listens.
pub fn refused() -> Result<SocketAddr> {
    // The port of a listener that is gone: nobody else uses it in this namespace.
    let address = Server::v4()?.address;
    let client = stream(address.ip())?;
    anyhow::ensure!(client.connect(&SockAddr::from(address)).is_err(), "connected to nobody");
    Ok(address)
}

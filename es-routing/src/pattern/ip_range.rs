//! Ranges of addresses.

use std::net::Ipv6Addr;

use super::invalid::PatternFault;

const FORM: PatternFault = PatternFault::WrongForm {
    condition: "cidr",
    takes: "an IPv4 address and 8 to 31 bits, or one of IPv6 and 8 to 127, as \"10.0.0.0/24\"",
};

/// A range of addresses of one kind.
#[derive(Debug, Clone, PartialEq)]
pub(super) struct IpRange {
    network: Address,
    /// How many bits behind those of the network are free.
    free_bits: u32,
}

#[derive(Debug, Clone, Copy, PartialEq)]
enum Address {
    V4(u128),
    V6(u128),
}

impl IpRange {
    pub(super) fn new(text: &str) -> Result<Self, PatternFault> {
        let (address, bits) = text.split_once('/').ok_or(FORM)?;
        let network = Address::of(address).ok_or(FORM)?;
        let width = match network {
            Address::V4(_) => 32,
            Address::V6(_) => 128,
        };
        let digits = !bits.is_empty() && bits.bytes().all(|byte| byte.is_ascii_digit());
        match bits.parse::<u32>() {
            // With few bits Event Ruler takes numbers, too.
            Ok(bits) if digits && (8..width).contains(&bits) => {
                Ok(Self { network, free_bits: width - bits })
            }
            _ => Err(FORM),
        }
    }

    pub(super) fn contains(&self, text: &str) -> bool {
        let same = |a: u128, b: u128| a >> self.free_bits == b >> self.free_bits;
        match (self.network, Address::of(text)) {
            (Address::V4(network), Some(Address::V4(address))) => same(network, address),
            (Address::V6(network), Some(Address::V6(address))) => same(network, address),
            _ => false,
        }
    }
}

impl Address {
    /// As Event Ruler reads them: parts of IPv4 can begin with zeros, and IPv6 has no IPv4 in it.
    fn of(text: &str) -> Option<Self> {
        if text.contains(':') {
            let plain = text.bytes().all(|byte| byte == b':' || byte.is_ascii_hexdigit());
            let address = text.parse::<Ipv6Addr>().ok().filter(|_| plain)?;
            return Some(Self::V6(address.to_bits()));
        }
        let mut parts = text.split('.');
        let mut bits = 0;
        for _ in 0..4 {
            bits = bits << 8 | part(parts.next()?)?;
        }
        parts.next().is_none().then_some(Self::V4(bits))
    }
}

fn part(digits: &str) -> Option<u128> {
    let is_number = (1..=3).contains(&digits.len()) && digits.bytes().all(|b| b.is_ascii_digit());
    digits.parse().ok().filter(|part| is_number && *part <= 255)
}

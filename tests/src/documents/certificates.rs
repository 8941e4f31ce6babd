//! A certification authority that lives as long as a test.

use anyhow::Result;
use openssl::asn1::Asn1Time;
use openssl::bn::{BigNum, MsbOption};
use openssl::ec::{EcGroup, EcKey};
use openssl::hash::MessageDigest;
use openssl::nid::Nid;
use openssl::pkey::{PKey, Private};
use openssl::ssl::{SslAcceptor, SslMethod};
use openssl::x509::extension::{BasicConstraints, KeyUsage, SubjectAlternativeName};
use openssl::x509::{X509, X509Builder, X509Name, X509NameRef};

/// A server with a certificate for `hosts`, and the PEM of the authority that signed it.
pub(super) fn make(hosts: &[&str]) -> Result<(SslAcceptor, Vec<u8>)> {
    let (authority_key, key) = (new_key()?, new_key()?);
    let (issuer, subject) = (name("Authgent test authority")?, name("Authgent test server")?);
    let mut authority = unsigned(&issuer, &issuer, &authority_key)?;
    authority.append_extension(BasicConstraints::new().critical().ca().build()?)?;
    authority.append_extension(KeyUsage::new().critical().key_cert_sign().build()?)?;
    authority.sign(&authority_key, MessageDigest::sha256())?;
    let authority = authority.build();

    let mut leaf = unsigned(&subject, &issuer, &key)?;
    leaf.append_extension(BasicConstraints::new().build()?)?;
    if !hosts.is_empty() {
        let mut names = SubjectAlternativeName::new();
        for host in hosts {
            names.dns(host);
        }
        let names = names.build(&leaf.x509v3_context(Some(&authority), None))?;
        leaf.append_extension(names)?;
    }
    leaf.sign(&authority_key, MessageDigest::sha256())?;

    let mut acceptor = SslAcceptor::mozilla_intermediate_v5(SslMethod::tls_server())?;
    acceptor.set_private_key(&key)?;
    acceptor.set_certificate(&leaf.build())?;
    Ok((acceptor.build(), authority.to_pem()?))
}

fn new_key() -> Result<PKey<Private>> {
    let group = EcGroup::from_curve_name(Nid::X9_62_PRIME256V1)?;
    Ok(PKey::from_ec_key(EcKey::generate(&group)?)?)
}

fn name(common_name: &str) -> Result<X509Name> {
    let mut name = X509Name::builder()?;
    name.append_entry_by_nid(Nid::COMMONNAME, common_name)?;
    Ok(name.build())
}

/// A certificate of today, without extensions and signature.
fn unsigned(subject: &X509NameRef, issuer: &X509NameRef, key: &PKey<Private>) -> Result<X509Builder> {
    let mut serial = BigNum::new()?;
    serial.rand(120, MsbOption::ONE, false)?;
    let serial = serial.to_asn1_integer()?;
    let (from, until) = (Asn1Time::days_from_now(0)?, Asn1Time::days_from_now(2)?);
    let mut builder = X509::builder()?;
    builder.set_version(2)?;
    builder.set_serial_number(&serial)?;
    builder.set_subject_name(subject)?;
    builder.set_issuer_name(issuer)?;
    builder.set_pubkey(key)?;
    builder.set_not_before(&from)?;
    builder.set_not_after(&until)?;
    Ok(builder)
}

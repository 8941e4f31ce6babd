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

/// Who signs the certificates of servers.
pub struct Authority {
    certificate: X509,
    key: PKey<Private>,
}

/// A server's certificate and private key.
pub struct Identity {
    certificate: X509,
    key: PKey<Private>,
}

impl Authority {
    /// A new one, which nobody knows.
    ///
    /// # Errors
    /// Where OpenSSL fails.
    pub fn new() -> Result<Self> {
        let (key, subject) = (new_key()?, name("Authgent test authority")?);
        let mut certificate = unsigned(&subject, &subject, &key)?;
        certificate.append_extension(BasicConstraints::new().critical().ca().build()?)?;
        certificate.append_extension(KeyUsage::new().critical().key_cert_sign().build()?)?;
        certificate.sign(&key, MessageDigest::sha256())?;
        Ok(Self { certificate: certificate.build(), key })
    }

    /// A certificate for a server with these names.
    ///
    /// # Errors
    /// Where OpenSSL fails.
    pub fn certify(&self, hosts: &[&str]) -> Result<Identity> {
        let (key, subject) = (new_key()?, name("Authgent test server")?);
        let mut leaf = unsigned(&subject, self.certificate.subject_name(), &key)?;
        leaf.append_extension(BasicConstraints::new().build()?)?;
        if !hosts.is_empty() {
            let mut names = SubjectAlternativeName::new();
            for host in hosts {
                names.dns(host);
            }
            let names = names.build(&leaf.x509v3_context(Some(&self.certificate), None))?;
            leaf.append_extension(names)?;
        }
        leaf.sign(&self.key, MessageDigest::sha256())?;
        Ok(Identity { certificate: leaf.build(), key })
    }

    /// Its own certificate, for whoever is to believe it.
    ///
    /// # Errors
    /// Where OpenSSL fails.
    pub fn pem(&self) -> Result<Vec<u8>> {
        Ok(self.certificate.to_pem()?)
    }
}

impl Identity {
    /// The certificate.
    ///
    /// # Errors
    /// Where OpenSSL fails.
    pub fn certificate_pem(&self) -> Result<Vec<u8>> {
        Ok(self.certificate.to_pem()?)
    }

    /// The private key.
    ///
    /// # Errors
    /// Where OpenSSL fails.
    pub fn key_pem(&self) -> Result<Vec<u8>> {
        Ok(self.key.private_key_to_pem_pkcs8()?)
    }

    /// What answers with it.
    pub(crate) fn acceptor(&self) -> Result<SslAcceptor> {
        let mut acceptor = SslAcceptor::mozilla_intermediate_v5(SslMethod::tls_server())?;
        acceptor.set_private_key(&self.key)?;
        acceptor.set_certificate(&self.certificate)?;
        Ok(acceptor.build())
    }
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

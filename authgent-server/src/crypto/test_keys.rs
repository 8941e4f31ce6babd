//! Keys made by the `openssl` program for tests. They are published: never use them for anything else.

/// `openssl ecparam -genkey -name prime256v1 -noout`
pub(crate) const EC256: &str = include_str!("test_keys/ec256-sec1.pem");
/// The same command without `-noout`: the parameters stand in front of the key.
pub(crate) const EC256_WITH_PARAMETERS: &str = include_str!("test_keys/ec256-with-parameters.pem");
/// `openssl genpkey -algorithm EC -pkeyopt ec_paramgen_curve:P-256`
pub(crate) const EC256_PKCS8: &str = include_str!("test_keys/ec256-pkcs8.pem");
/// `openssl pkcs8 -topk8` with a password.
pub(crate) const EC256_ENCRYPTED_PKCS8: &str = include_str!("test_keys/ec256-encrypted-pkcs8.pem");
/// `openssl ec -aes128` with a password: the old form of encryption.
pub(crate) const EC256_ENCRYPTED_SEC1: &str = include_str!("test_keys/ec256-encrypted-sec1.pem");
/// `openssl ecparam -genkey -name prime256v1 -param_enc explicit -noout`
pub(crate) const EC256_EXPLICIT: &str = include_str!("test_keys/ec256-explicit.pem");
/// `openssl ec -pubout`
pub(crate) const EC256_PUBLIC: &str = include_str!("test_keys/ec256-public.pem");
/// `openssl ecparam -name prime256v1`, which makes no key.
pub(crate) const EC256_PARAMETERS_ONLY: &str = include_str!("test_keys/ec256-parameters-only.pem");
/// `openssl ecparam -genkey -name secp384r1 -noout`
pub(crate) const EC384: &str = include_str!("test_keys/ec384.pem");
/// `openssl ecparam -genkey -name secp521r1 -noout`
pub(crate) const EC521: &str = include_str!("test_keys/ec521.pem");
/// `openssl genpkey -algorithm ED25519`
pub(crate) const ED25519: &str = include_str!("test_keys/ed25519.pem");
/// `openssl genrsa -traditional 2048`
pub(crate) const RSA_PKCS1: &str = include_str!("test_keys/rsa2048-pkcs1.pem");
/// `openssl genpkey -algorithm RSA`
pub(crate) const RSA_PKCS8: &str = include_str!("test_keys/rsa2048-pkcs8.pem");
/// `openssl genrsa 1024`
pub(crate) const RSA_1024: &str = include_str!("test_keys/rsa1024.pem");
/// `openssl genpkey -algorithm RSA-PSS`
pub(crate) const RSA_PSS: &str = include_str!("test_keys/rsa-pss.pem");
/// `openssl req -x509`
pub(crate) const CERTIFICATE: &str = include_str!("test_keys/certificate.pem");
/// `ssh-keygen -t ecdsa`
pub(crate) const OPENSSH: &str = include_str!("test_keys/openssh.pem");

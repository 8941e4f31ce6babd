//! Small helpers around the character sets that the RFCs prescribe.

use base64::{Engine as _, engine::general_purpose::URL_SAFE_NO_PAD};

/// base64url without padding, as every JOSE and PKCE value is written.
pub(crate) fn base64url(bytes: impl AsRef<[u8]>) -> String {
    URL_SAFE_NO_PAD.encode(bytes)
}

/// The bytes behind unpadded base64url, or `None` where it is none.
pub(crate) fn from_base64url(text: &str) -> Option<Vec<u8>> {
    URL_SAFE_NO_PAD.decode(text).ok()
}

/// Serde through `Display` and a fallible `parse`, for newtypes that are strings on the wire.
macro_rules! serde_as_string {
    ($type:ty) => {
        impl serde::Serialize for $type {
            fn serialize<S: serde::Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
                serializer.collect_str(self)
            }
        }

        impl<'de> serde::Deserialize<'de> for $type {
            fn deserialize<D: serde::Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
                let text = std::borrow::Cow::<'de, str>::deserialize(deserializer)?;
                Self::parse(&text).map_err(serde::de::Error::custom)
            }
        }

        impl std::str::FromStr for $type {
            type Err = <$type as crate::text::Parsed>::Error;

            fn from_str(text: &str) -> Result<Self, Self::Err> {
                Self::parse(text)
            }
        }
    };
}
pub(crate) use serde_as_string;

/// Names the error of a newtype's `parse`, for [`serde_as_string`].
pub trait Parsed {
    /// What `parse` returns on bad input.
    type Error;
}

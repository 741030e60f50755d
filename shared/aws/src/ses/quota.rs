//! How many mails SES lets the account send.

use aws_sdk_ses::Client;
use aws_sdk_ses::error::DisplayErrorContext;
use ports::Unavailable;

/// What SES permits to an account that is still in its sandbox.
const SANDBOX: u64 = 200;

/// Of the account in the client's region, within any 24 hours.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct SendingQuota {
    /// `None` where SES sets no limit.
    pub permitted: Option<u64>,
    pub sent: u64,
}

impl SendingQuota {
    /// Needs the permission `ses:GetSendQuota`.
    pub async fn read(client: &Client) -> Result<Self, Unavailable> {
        let quota = client.get_send_quota().send().await.map_err(|error| {
            Unavailable::new(format!("GetSendQuota: {}", DisplayErrorContext(error)))
        })?;
        Ok(Self::from_counts(
            quota.max24_hour_send,
            quota.sent_last24_hours,
        ))
    }

    /// SES counts in floating point, and says -1 where there is no limit.
    fn from_counts(permitted: f64, sent: f64) -> Self {
        Self {
            permitted: (permitted >= 0.0).then(|| whole(permitted)),
            sent: whole(sent),
        }
    }

    /// What a merchant whose orders go out by mail should do about it.
    pub fn warning(self) -> Option<String> {
        let permitted = self.permitted?;
        let sent = self.sent;
        if permitted <= SANDBOX {
            return Some(format!(
                "SES permits {permitted} mails in 24 hours, as in its sandbox, and there only to verified addresses; mails beyond that wait: request production access"
            ));
        }
        (sent >= permitted - permitted / 5).then(|| {
            format!(
                "SES permits {permitted} mails in 24 hours, and {sent} were sent; mails beyond that wait: request a higher sending quota"
            )
        })
    }
}

#[expect(
    clippy::cast_possible_truncation,
    clippy::cast_sign_loss,
    reason = "a float that is out of range becomes the nearest integer, and no count is"
)]
fn whole(count: f64) -> u64 {
    count as u64
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn sandbox_and_a_day_that_is_nearly_used_up_are_warned_of() {
        for (permitted, sent, word) in [
            (200.0, 0.0, Some("sandbox")),
            (200.0, 200.0, Some("sandbox")),
            (1.0, 0.0, Some("sandbox")),
            (201.0, 0.0, None),
            (50_000.0, 39_999.0, None),
            (50_000.0, 40_000.0, Some("40000 were sent")),
            (50_000.0, 60_000.0, Some("60000 were sent")),
            // No limit.
            (-1.0, 1_000_000.0, None),
        ] {
            let warning = SendingQuota::from_counts(permitted, sent).warning();
            match (word, &warning) {
                (None, None) => {}
                (Some(word), Some(warning)) => assert!(warning.contains(word), "{warning}"),
                (Some(_), None) | (None, Some(_)) => {
                    panic!("{sent} of {permitted}: {warning:?}")
                }
            }
        }
    }
}

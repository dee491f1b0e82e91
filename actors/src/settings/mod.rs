//! Use cases of the store's settings.

use crate::engine::{Engine, unreadable};
use crate::once::{Shown, gone};
use crate::request::{Outcome, Refused, Request};
use crate::runtime::{Ask, AskError};
use cartwright_domain::Problem;
use cartwright_domain::id::SETTINGS_ID;
use cartwright_domain::settings::{CreateSettings, Draft, Settings, UpdateSettings};

impl Engine {
    /// Shows the store's settings.
    ///
    /// # Errors
    /// A fault of the store.
    pub async fn settings(&self) -> Result<Shown<Settings>, Refused> {
        let read = self
            .kinds()
            .settings
            .read(SETTINGS_ID)
            .await
            .map_err(unreadable)?;
        read.ok_or_else(gone::<Settings>)
    }

    /// Changes the store's settings. What is absent stays.
    ///
    /// # Errors
    /// Every bad field.
    pub async fn update_settings(&self, request: &Request, draft: Draft) -> Outcome<Shown<Settings>> {
        let command = UpdateSettings {
            draft,
            calculators: vec![self.kinds().tax.name()],
        };
        self.run(&self.kinds().settings, SETTINGS_ID, command, request)
            .await
    }

    /// Makes the settings of a new store.
    pub(crate) async fn ensure_settings(&self) -> Result<(), Problem> {
        let command = CreateSettings {
            draft: Draft::default(),
        };
        let ask = Ask::internal("start", self.kinds().randomness.seed());
        match self.kinds().settings.create(SETTINGS_ID, command, ask).await {
            Ok(_) | Err(AskError::AlreadyExists { .. }) => Ok(()),
            Err(error) => Err(error.into()),
        }
    }
}

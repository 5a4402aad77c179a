//! The fibre and the detectors.

use crate::Error;

/// What a photon meets between the two ends.
#[derive(Clone, Copy, Debug, PartialEq)]
pub struct Physics {
    /// Length of the fibre, 0 to 1,000 km.
    pub length_km: f64,
    /// Loss of the fibre, 0 to 10 dB a kilometre.
    pub attenuation_db_per_km: f64,
    /// Chance that a photon which arrives makes its detector click, above 0 to 1.
    pub detector_efficiency: f64,
    /// Chance that a detector clicks by itself in the time of one pulse, 0 to 0.1; there are two.
    pub dark_count_probability: f64,
    /// Chance that a photon measured in its own basis gives the other bit, 0 to 0.5.
    pub misalignment: f64,
}

impl Default for Physics {
    /// The first link: 26 km of good fibre, gated avalanche detectors, a well-kept polarisation.
    fn default() -> Self {
        Self {
            length_km: 26.0,
            attenuation_db_per_km: 0.2,
            detector_efficiency: 0.25,
            dark_count_probability: 1e-6,
            misalignment: 0.01,
        }
    }
}

impl Physics {
    /// Checks that every value is in its range.
    ///
    /// # Errors
    ///
    /// [`Error::ParameterInvalid`] for the first that is not.
    pub fn check(&self) -> Result<(), Error> {
        let within = [
            ("length_km", (0.0..=1_000.0).contains(&self.length_km), "0 to 1000"),
            (
                "attenuation_db_per_km",
                (0.0..=10.0).contains(&self.attenuation_db_per_km),
                "0 to 10",
            ),
            (
                "detector_efficiency",
                self.detector_efficiency > 0.0 && self.detector_efficiency <= 1.0,
                "above 0, at most 1",
            ),
            (
                "dark_count_probability",
                (0.0..=0.1).contains(&self.dark_count_probability),
                "0 to 0.1",
            ),
            ("misalignment", (0.0..=0.5).contains(&self.misalignment), "0 to 0.5"),
        ];
        within.into_iter().try_for_each(|(name, holds, range)| {
            if holds { Ok(()) } else { Err(Error::ParameterInvalid { name, range }) }
        })
    }

    /// Chance that a photon sent is a photon detected.
    #[must_use]
    pub fn transmission(&self) -> f64 {
        let loss_db = self.attenuation_db_per_km * self.length_km;
        self.detector_efficiency * 10_f64.powf(-loss_db / 10.0)
    }
}

//! The bare words of CBV 2.0: what may stand in a vocabulary field without being a URI.
//!
//! A word that is not among them has no meaning to any reader: JSON-LD would drop it without a
//! sound.

/// One of the vocabularies.
#[derive(Debug)]
pub(crate) struct Vocabulary {
    /// What its words are, for messages.
    pub(crate) what: &'static str,
    /// In alphabetical order.
    words: &'static [&'static str],
}

impl Vocabulary {
    pub(crate) fn has(&self, word: &str) -> bool {
        self.words.binary_search(&word).is_ok()
    }
}

/// Whether any of the vocabularies has the word.
pub(crate) fn is_word(word: &str) -> bool {
    ALL.iter().any(|vocabulary| vocabulary.has(word))
}

const ALL: [&Vocabulary; 8] = [
    &BIZ_STEPS,
    &DISPOSITIONS,
    &TRANSACTION_TYPES,
    &PARTY_TYPES,
    &ERROR_REASONS,
    &MEASUREMENTS,
    &ALERTS,
    &COMPONENTS,
];

#[rustfmt::skip] // A list of words is read as a list.
pub(crate) static BIZ_STEPS: Vocabulary = Vocabulary {
    what: "business step",
    words: &[
        "accepting", "arriving", "assembling", "collecting", "commissioning", "consigning",
        "creating_class_instance", "cycle_counting", "decommissioning", "departing", "destroying",
        "disassembling", "dispensing", "encoding", "entering_exiting", "holding", "inspecting",
        "installing", "killing", "loading", "other", "packing", "picking", "receiving", "removing",
        "repackaging", "repairing", "replacing", "reserving", "retail_selling", "sampling",
        "sensor_reporting", "shipping", "staging_outbound", "stock_taking", "stocking", "storing",
        "transporting", "unloading", "unpacking", "void_shipping",
    ],
};

#[rustfmt::skip] // A list of words is read as a list.
pub(crate) static DISPOSITIONS: Vocabulary = Vocabulary {
    what: "disposition",
    words: &[
        "active", "available", "completeness_inferred", "completeness_verified", "conformant",
        "container_closed", "container_open", "damaged", "destroyed", "dispensed", "disposed",
        "encoded", "expired", "in_progress", "in_transit", "inactive", "mismatch_class",
        "mismatch_instance", "mismatch_quantity", "needs_replacement", "no_pedigree_match",
        "non_conformant", "non_sellable_other", "partially_dispensed", "recalled", "reserved",
        "retail_sold", "returned", "sellable_accessible", "sellable_not_accessible", "stolen",
        "unavailable", "unknown",
    ],
};

#[rustfmt::skip] // A list of words is read as a list.
pub(crate) static TRANSACTION_TYPES: Vocabulary = Vocabulary {
    what: "business transaction type",
    words: &[
        "bol", "cert", "desadv", "inv", "pedigree", "po", "poc", "prodorder", "recadv", "rma",
        "testprd", "testres", "upevt",
    ],
};

pub(crate) static PARTY_TYPES: Vocabulary = Vocabulary {
    what: "source or destination type",
    words: &["location", "owning_party", "possessing_party"],
};

pub(crate) static ERROR_REASONS: Vocabulary =
    Vocabulary { what: "error reason", words: &["did_not_occur", "incorrect_data"] };

pub(crate) static ALERTS: Vocabulary =
    Vocabulary { what: "sensor alert", words: &["ALARM_CONDITION", "ERROR_CONDITION"] };

#[rustfmt::skip] // A list of words is read as a list.
pub(crate) static COMPONENTS: Vocabulary = Vocabulary {
    what: "component",
    words: &[
        "altitude", "axial_distance", "azimuth", "easting", "elevation_angle", "height", "latitude",
        "longitude", "northing", "polar_angle", "spherical_radius", "x", "y", "z",
    ],
};

#[rustfmt::skip] // A list of words is read as a list.
pub(crate) static MEASUREMENTS: Vocabulary = Vocabulary {
    what: "measurement type",
    words: &[
        "AbsoluteHumidity", "AbsorbedDose", "AbsorbedDoseRate", "Acceleration", "Altitude",
        "AmountOfSubstance", "AmountOfSubstancePerUnitVolume", "Angle", "AngularAcceleration",
        "AngularMomentum", "AngularVelocity", "Area", "Capacitance", "Conductance", "Conductivity",
        "Count", "Density", "Dimensionless", "DoseEquivalent", "DoseEquivalentRate",
        "DynamicViscosity", "ElectricCharge", "ElectricCurrent", "ElectricCurrentDensity",
        "ElectricFieldStrength", "Energy", "Exposure", "Force", "Frequency", "Illuminance",
        "Inductance", "Irradiance", "KinematicViscosity", "Length", "LinearMomentum", "Luminance",
        "LuminousFlux", "LuminousIntensity", "MagneticFlux", "MagneticFluxDensity",
        "MagneticVectorPotential", "Mass", "MassConcentration", "MassFlowRate", "MassPerAreaTime",
        "MemoryCapacity", "MolalityOfSolute", "MolarEnergy", "MolarMass", "MolarVolume", "Power",
        "Pressure", "RadiantFlux", "RadiantIntensity", "Radioactivity", "RelativeHumidity",
        "Resistance", "Resistivity", "SolidAngle", "SpecificVolume", "Speed", "SurfaceDensity",
        "SurfaceTension", "Temperature", "Time", "Torque", "Voltage", "Volume", "VolumeFlowRate",
        "VolumeFraction", "VolumetricFlux", "Wavenumber",
    ],
};

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn every_list_is_in_order_and_of_the_standards_length() {
        let lengths = ALL.map(|vocabulary| {
            assert!(vocabulary.words.is_sorted(), "{}", vocabulary.what);
            vocabulary.words.len()
        });
        assert_eq!(lengths, [41, 33, 13, 3, 2, 72, 2, 14]);
    }
}

//! What sensors told: `sensorElementList`.

use crate::Error;
use crate::context::Context;
use crate::field::{Number, boolean, hex, list, number, text, time, uri, word};
use crate::json::Node;
use crate::part::require;
use crate::record::record;
use crate::time::Time;
use crate::vocabulary::{ALERTS, COMPONENTS, MEASUREMENTS};

record! {
    /// Readings that belong together, and what is common to them.
    pub struct SensorElement {
        /// What is common to the reports.
        "sensorMetadata" => metadata: SensorMetadata = metadata;
        /// The readings; always there, never empty.
        "sensorReport" => reports: Vec<SensorReport> = reports;
        /// Its class, which documents in the simple context name.
        "type" => kind: String = uri;
    }
}

record! {
    /// What is common to the reports of one element.
    pub struct SensorMetadata {
        /// The rules by which the device measured.
        "bizRules" => biz_rules: String = uri;
        /// How raw data became the reports.
        "dataProcessingMethod" => data_processing_method: String = uri;
        /// The device.
        "deviceID" => device_id: String = uri;
        /// Where the device is described.
        "deviceMetadata" => device_metadata: String = uri;
        /// End of the observation.
        "endTime" => end_time: Time = time;
        /// Where the raw data lie.
        "rawData" => raw_data: String = uri;
        /// Begin of the observation.
        "startTime" => start_time: Time = time;
        /// The moment of the observation.
        "time" => time: Time = time;
    }
}

record! {
    /// One reading.
    pub struct SensorReport {
        /// The rules by which the device measured.
        "bizRules" => biz_rules: String = uri;
        /// Whether a condition held.
        "booleanValue" => boolean_value: bool = boolean;
        /// The substance that was measured.
        "chemicalSubstance" => chemical_substance: String = uri;
        /// Which component of a vector or a position.
        "component" => component: String = |node, context| word(node, context, &COMPONENTS);
        /// The system in which a position is given.
        "coordinateReferenceSystem" => coordinate_reference_system: String = uri;
        /// How raw data became the value.
        "dataProcessingMethod" => data_processing_method: String = uri;
        /// The device.
        "deviceID" => device_id: String = uri;
        /// Where the device is described.
        "deviceMetadata" => device_metadata: String = uri;
        /// An alarm or an error of the device.
        "exception" => exception: String = |node, context| word(node, context, &ALERTS);
        /// Bytes, in hexadecimal.
        "hexBinaryValue" => hex_binary_value: String = hex;
        /// The highest value.
        "maxValue" => max_value: Number = number;
        /// The mean value.
        "meanValue" => mean_value: Number = number;
        /// The microorganism that was measured.
        "microorganism" => microorganism: String = uri;
        /// The lowest value.
        "minValue" => min_value: Number = number;
        /// Which percentile `percValue` is.
        "percRank" => perc_rank: Number = number;
        /// The value at that percentile.
        "percValue" => perc_value: Number = number;
        /// Where the raw data lie.
        "rawData" => raw_data: String = uri;
        /// The standard deviation.
        "sDev" => s_dev: Number = number;
        /// A value in words.
        "stringValue" => string_value: String = text;
        /// The moment of the reading.
        "time" => time: Time = time;
        /// What was measured.
        "type" => kind: String = |node, context| word(node, context, &MEASUREMENTS);
        /// The unit of measure.
        "uom" => uom: String = text;
        /// A value that is a URI.
        "uriValue" => uri_value: String = uri;
        /// The value.
        "value" => value: Number = number;
    }
}

fn metadata(node: Node<'_>, context: &Context<'_>) -> Result<SensorMetadata, Error> {
    SensorMetadata::read_members(node.into_object()?, context)
}

fn reports(node: Node<'_>, context: &Context<'_>) -> Result<Vec<SensorReport>, Error> {
    let read = list(node, context, |node, context| {
        let report = SensorReport::read_members(node.into_object()?, context)?;
        // An alarm may stand alone; a value without what it measures says nothing.
        if report.kind.is_none() && report.exception.is_none() {
            require(report.kind.as_ref(), "type", "a sensor report")?;
        }
        Ok(report)
    })?;
    if read.is_empty() {
        return Err(Error::invalid("the list is empty", "report what the sensor told"));
    }
    Ok(read)
}

pub(crate) fn elements(node: Node<'_>, context: &Context<'_>) -> Result<Vec<SensorElement>, Error> {
    list(node, context, |node, context| {
        let element = SensorElement::read_members(node.into_object()?, context)?;
        require(element.reports.as_ref(), "sensorReport", "a sensor element")?;
        Ok(element)
    })
}

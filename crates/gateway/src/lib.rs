//! Turn an order into a parcel's journey: plan, dispatch, clear customs, settle, flag what is off.

//! The recurrent loop: paint, judge, keep or draw again; manifest, report, replay.

//! The variables that start like options of the process and are none.

/// Variables that start like options but are none: they speak to the command line, the clients, the tests and the
/// build. Exported, they are in nobody's way.
pub const ENV_NO_OPTIONS: [&str; 17] = [
    "config",
    "url",
    "token",
    "shared",
    "crash_cycles",
    "crash_seed",
    "histories",
    "disk_seed",
    "disk_seeds",
    "flips",
    "overload_seconds",
    "sim_seed",
    "sim_seeds",
    "sim_trace",
    "model_seed",
    "model_carts",
    "pgo_counts",
];

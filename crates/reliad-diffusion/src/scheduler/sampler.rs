//! The samplers by the names that people choose them with, and by the classes that diffusers saves.

/// How a run goes from noise to a picture.
#[derive(
    Debug, Clone, Copy, PartialEq, Eq, Default, Hash, serde::Serialize, serde::Deserialize,
)]
#[serde(rename_all = "kebab-case")]
pub enum Sampler {
    /// As the model's own `scheduler_config.json` says.
    #[default]
    Model,
    /// DDIM.
    Ddim,
    /// Euler.
    Euler,
    /// Euler ancestral: fresh noise in every step.
    EulerA,
    /// DPM++ 2M.
    #[serde(rename = "dpmpp-2m")]
    Dpmpp2m,
    /// DPM++ 2M over Karras' noise levels.
    #[serde(rename = "dpmpp-2m-karras")]
    Dpmpp2mKarras,
    /// DPM++ SDE over Karras' noise levels: fresh noise, two calls of the network a step.
    DpmppSdeKarras,
    /// UniPC.
    #[serde(rename = "unipc")]
    UniPc,
    /// Heun: two calls of the network a step.
    Heun,
    /// LCM, for models distilled for it.
    Lcm,
    /// TCD, for models distilled for it.
    Tcd,
}

impl Sampler {
    /// All of them, in the order of the documentation.
    pub const ALL: [Self; 11] = [
        Self::Model,
        Self::Ddim,
        Self::Euler,
        Self::EulerA,
        Self::Dpmpp2m,
        Self::Dpmpp2mKarras,
        Self::DpmppSdeKarras,
        Self::UniPc,
        Self::Heun,
        Self::Lcm,
        Self::Tcd,
    ];

    /// Its name on the command line and in files.
    pub fn name(self) -> &'static str {
        match self {
            Self::Model => "model",
            Self::Ddim => "ddim",
            Self::Euler => "euler",
            Self::EulerA => "euler-a",
            Self::Dpmpp2m => "dpmpp-2m",
            Self::Dpmpp2mKarras => "dpmpp-2m-karras",
            Self::DpmppSdeKarras => "dpmpp-sde-karras",
            Self::UniPc => "unipc",
            Self::Heun => "heun",
            Self::Lcm => "lcm",
            Self::Tcd => "tcd",
        }
    }

    /// Whether it is the model's own.
    pub fn is_model(&self) -> bool {
        *self == Self::Model
    }

    /// Whether `eta` may change what this sampler does; of the model's own only its file tells.
    pub fn may_heed_eta(&self) -> bool {
        matches!(self, Self::Model | Self::Ddim | Self::Tcd)
    }

    /// The class of diffusers that samples so, and whether over Karras' noise levels; `None` for the model's own.
    pub(super) fn class(self) -> Option<(Class, bool)> {
        Some(match self {
            Self::Model => return None,
            Self::Ddim => (Class::Ddim, false),
            Self::Euler => (Class::Euler, false),
            Self::EulerA => (Class::EulerAncestral, false),
            Self::Dpmpp2m => (Class::DpmMultistep, false),
            Self::Dpmpp2mKarras => (Class::DpmMultistep, true),
            Self::DpmppSdeKarras => (Class::DpmSde, true),
            Self::UniPc => (Class::UniPc, false),
            Self::Heun => (Class::Heun, false),
            Self::Lcm => (Class::Lcm, false),
            Self::Tcd => (Class::Tcd, false),
        })
    }
}

impl std::fmt::Display for Sampler {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.pad(self.name())
    }
}

impl std::str::FromStr for Sampler {
    type Err = String;

    fn from_str(text: &str) -> Result<Self, String> {
        let named = Self::ALL.into_iter().find(|sampler| sampler.name() == text);
        named.ok_or_else(|| {
            let names = Self::ALL.map(Self::name).join(", ");
            format!("`{text}` is none of {names}")
        })
    }
}

/// A class of diffusers that can be sampled.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Class {
    Ddim,
    Euler,
    EulerAncestral,
    DpmMultistep,
    DpmSinglestep,
    DpmSde,
    UniPc,
    Heun,
    Lcm,
    Tcd,
    Pndm,
}

/// Their names, and the rest that diffusers can save for Stable Diffusion 1.5, each with what to write instead.
const CLASSES: [(&str, Result<Class, &str>); 24] = [
    ("DDIMScheduler", Ok(Class::Ddim)),
    ("EulerDiscreteScheduler", Ok(Class::Euler)),
    ("EulerAncestralDiscreteScheduler", Ok(Class::EulerAncestral)),
    ("DPMSolverMultistepScheduler", Ok(Class::DpmMultistep)),
    ("DPMSolverSinglestepScheduler", Ok(Class::DpmSinglestep)),
    ("DPMSolverSDEScheduler", Ok(Class::DpmSde)),
    ("UniPCMultistepScheduler", Ok(Class::UniPc)),
    ("HeunDiscreteScheduler", Ok(Class::Heun)),
    ("LCMScheduler", Ok(Class::Lcm)),
    ("TCDScheduler", Ok(Class::Tcd)),
    ("PNDMScheduler", Ok(Class::Pndm)),
    // The same steps in batches.
    ("DDIMParallelScheduler", Ok(Class::Ddim)),
    (
        "DDPMScheduler",
        Err("DDIMScheduler, sampled with an eta of 1"),
    ),
    (
        "DDPMParallelScheduler",
        Err("DDIMScheduler, sampled with an eta of 1"),
    ),
    ("DDIMInverseScheduler", Err("DDIMScheduler")),
    (
        "DPMSolverMultistepInverseScheduler",
        Err("DPMSolverMultistepScheduler"),
    ),
    ("DEISMultistepScheduler", Err("DPMSolverMultistepScheduler")),
    ("SASolverScheduler", Err("DPMSolverMultistepScheduler")),
    ("KDPM2DiscreteScheduler", Err("HeunDiscreteScheduler")),
    (
        "KDPM2AncestralDiscreteScheduler",
        Err("EulerAncestralDiscreteScheduler"),
    ),
    ("LMSDiscreteScheduler", Err("EulerDiscreteScheduler")),
    ("IPNDMScheduler", Err("PNDMScheduler")),
    ("EDMEulerScheduler", Err("EulerDiscreteScheduler")),
    (
        "EDMDPMSolverMultistepScheduler",
        Err("DPMSolverMultistepScheduler"),
    ),
];

impl Class {
    /// The class of that name.
    ///
    /// # Errors
    /// What is wrong, with what to write instead.
    pub fn named(name: &str) -> Result<Self, String> {
        match CLASSES.iter().find(|(known, _)| *known == name) {
            Some((_, Ok(class))) => Ok(*class),
            Some((_, Err(instead))) => Err(format!(
                "`_class_name` = {name:?} can't be sampled; write {instead} instead"
            )),
            None => {
                let known = CLASSES.iter().filter(|(_, class)| class.is_ok());
                let known: Vec<&str> = known.map(|(name, _)| *name).collect();
                Err(format!(
                    "`_class_name` = {name:?} is no scheduler of Stable Diffusion 1.5; write one of {} instead",
                    known.join(", ")
                ))
            }
        }
    }

    /// Its name, for messages.
    pub fn name(self) -> &'static str {
        let named = CLASSES.iter().find(|(_, class)| *class == Ok(self));
        named.map_or("scheduler", |(name, _)| name)
    }

    /// diffusers' defaults of `beta_start`, `beta_end`, and whether square roots of betas are equally spaced.
    pub fn betas(self) -> (f64, f64, bool) {
        match self {
            Self::Heun | Self::DpmSde => (0.00085, 0.012, false),
            Self::Lcm | Self::Tcd => (0.00085, 0.012, true),
            _ => (0.0001, 0.02, false),
        }
    }
}

//! Noise from a file in place of the drawn noise, so that a run can be held against another program.

use std::fs;
use std::path::{Path, PathBuf};

use burn::tensor::{Device, Tensor, TensorData};
use reliad_diffusion::painter::ItemNoise;
use reliad_weights::{Dtype, Source};

use crate::error::{Error, Result};
use crate::files;

/// The tensors of a `--noise` file.
///
/// `latents` is `[n, channels, h/8, w/8]`; `step_noise`, needed where `eta` is above 0, is
/// `[steps, n, channels, h/8, w/8]`. Both are f32.
#[derive(Clone, Debug)]
pub struct NoiseFile {
    /// The file, as an absolute path.
    pub path: PathBuf,
    /// BLAKE3 of the file.
    pub hash: String,
    latents: Array,
    step_noise: Option<Array>,
}

#[derive(Clone, Debug)]
struct Array {
    shape: Vec<usize>,
    values: Vec<f32>,
}

impl NoiseFile {
    /// Reads and checks a noise file.
    ///
    /// # Errors
    /// [`Error::Read`], and [`Error::Noise`] when its tensors aren't as described.
    pub fn read(path: &Path) -> Result<Self> {
        let refuse = |message: String| Error::Noise {
            path: path.to_path_buf(),
            message,
        };
        let bytes = fs::read(path).map_err(Error::read(path))?;
        let hash = files::hash(&bytes);
        let tensors =
            Source::from_bytes(bytes, &path.display().to_string()).map_err(
                |error| match error {
                    reliad_weights::Error::Format { reason, .. } => {
                        refuse(format!("not a safetensors file: {reason}"))
                    }
                    error => error.into(),
                },
            )?;
        let array = |name: &str| -> Result<Option<Array>> {
            let Some(entry) = tensors.get(name) else {
                return Ok(None);
            };
            if entry.dtype != Dtype::F32 {
                return Err(refuse(format!(
                    "`{name}` is {:?}; it must be F32",
                    entry.dtype
                )));
            }
            let data = tensors.read(name)?;
            let values = data.try_into_vec::<f32>();
            Ok(Some(Array {
                shape: entry.shape.clone(),
                values: values.map_err(|error| refuse(format!("`{name}`: {error:?}")))?,
            }))
        };
        let latents =
            array("latents")?.ok_or_else(|| refuse("it has no tensor `latents`".into()))?;
        if latents.shape.len() != 4 {
            return Err(refuse(format!(
                "`latents` has the shape {:?}; it must be [n, channels, height / 8, width / 8]",
                latents.shape
            )));
        }
        let step_noise = array("step_noise")?;
        if let Some(steps) = &step_noise
            && (steps.shape.len() != 5 || steps.shape[1..] != latents.shape[..])
        {
            let shape: Vec<_> = latents.shape.iter().map(usize::to_string).collect();
            return Err(refuse(format!(
                "`step_noise` has the shape {:?}; it must be [steps, {}]",
                steps.shape,
                shape.join(", ")
            )));
        }
        Ok(Self {
            path: std::path::absolute(path).map_err(Error::read(path))?,
            hash,
            latents,
            step_noise,
        })
    }

    /// How many attempts it has noise for.
    pub fn rows(&self) -> usize {
        self.latents.shape[0]
    }

    /// The size in pixels of the pictures it is for, width first.
    pub fn picture_size(&self) -> (usize, usize) {
        (self.latents.shape[3] * 8, self.latents.shape[2] * 8)
    }

    /// The noise of one attempt.
    ///
    /// # Errors
    /// [`Error::Noise`] when there is no such row.
    pub fn row(&self, row: usize, device: &Device) -> Result<ItemNoise> {
        if row >= self.rows() {
            return Err(Error::Noise {
                path: self.path.clone(),
                message: format!("it has {} rows and no row {row}", self.rows()),
            });
        }
        let [rows, channels, height, width] = [0, 1, 2, 3].map(|axis| self.latents.shape[axis]);
        let size = channels * height * width;
        let tensor = |values: Vec<f32>, first: usize| {
            let data = TensorData::new(values, [first, channels, height, width]);
            Tensor::<4>::from_data(data, device)
        };
        let latents = tensor(
            self.latents.values[row * size..(row + 1) * size].to_vec(),
            1,
        );
        let steps = self.step_noise.as_ref().map(|noise| {
            let steps = noise.shape[0];
            let values = (0..steps)
                .flat_map(|step| {
                    let start = (step * rows + row) * size;
                    noise.values[start..start + size].iter().copied()
                })
                .collect();
            tensor(values, steps)
        });
        Ok(ItemNoise::Given { latents, steps })
    }
}

#[cfg(test)]
mod tests {
    #![expect(clippy::unwrap_used, reason = "a failed step is the test's failure")]

    use safetensors::tensor::TensorView;

    use super::*;

    fn write(dir: &Path, tensors: &[(&str, Vec<usize>)]) -> PathBuf {
        let bytes: Vec<(&str, Vec<usize>, Vec<u8>)> = tensors
            .iter()
            .map(|(name, shape)| {
                let count: usize = shape.iter().product();
                let data = (0..count).flat_map(|i| (i as f32).to_le_bytes()).collect();
                (*name, shape.clone(), data)
            })
            .collect();
        let views: Vec<_> = bytes
            .iter()
            .map(|(name, shape, data)| {
                (
                    *name,
                    TensorView::new(Dtype::F32, shape.clone(), data).unwrap(),
                )
            })
            .collect();
        let path = dir.join("noise.safetensors");
        fs::write(&path, safetensors::serialize(views, None).unwrap()).unwrap();
        path
    }

    #[test]
    fn rows_are_cut_out_of_both_tensors() {
        let dir = tempfile::tempdir().unwrap();
        let path = write(
            dir.path(),
            &[
                ("latents", vec![2, 1, 1, 2]),
                ("step_noise", vec![3, 2, 1, 1, 2]),
            ],
        );
        let file = NoiseFile::read(&path).unwrap();
        assert_eq!((file.rows(), file.picture_size()), (2, (16, 8)));
        let ItemNoise::Given { latents, steps } = file.row(1, &Device::flex()).unwrap() else {
            panic!("drawn noise")
        };
        assert_eq!(
            latents.into_data().iter::<f32>().collect::<Vec<_>>(),
            [2.0, 3.0]
        );
        let steps = steps.unwrap();
        assert_eq!(steps.dims(), [3, 1, 1, 2]);
        assert_eq!(
            steps.into_data().iter::<f32>().collect::<Vec<_>>(),
            [2.0, 3.0, 6.0, 7.0, 10.0, 11.0]
        );
        assert!(file.row(2, &Device::flex()).is_err());
    }

    #[test]
    fn what_is_wrong_with_a_file_is_said() {
        let dir = tempfile::tempdir().unwrap();
        let message = |path: &Path| NoiseFile::read(path).unwrap_err().to_string();
        let path = write(dir.path(), &[("other", vec![1])]);
        assert!(message(&path).contains("no tensor `latents`"));
        let path = write(dir.path(), &[("latents", vec![4, 4])]);
        assert!(message(&path).contains("[4, 4]"));
        let path = write(
            dir.path(),
            &[
                ("latents", vec![1, 1, 1, 2]),
                ("step_noise", vec![3, 2, 1, 1, 2]),
            ],
        );
        assert!(message(&path).contains("[steps, 1, 1, 1, 2]"));
        fs::write(&path, b"noise").unwrap();
        assert!(message(&path).contains("not a safetensors file"));
    }
}

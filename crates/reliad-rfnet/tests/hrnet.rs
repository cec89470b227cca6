//! HRNet against timm (`parity/rfnet/hrnet.py`). Tolerance 1e-4: f32 sums in another order.

mod golden;

use burn::tensor::Device;
use golden::{Golden, Outcome, model};
use reliad_rfnet::hrnet::{HrNet, HrNetConfig};

#[test]
fn branches_and_output_equal_timm() -> Outcome {
    let device = Device::default();
    let golden = Golden::read("hrnet")?;
    let network = HrNet::load(&model("hrnet")?, &device)?;
    let picture = golden.float::<4>("picture", &device);
    for (i, branch) in network.branches(picture.clone()).into_iter().enumerate() {
        assert!(golden.error(&format!("branch{i}"), branch) < 1e-4);
    }
    assert!(golden.error("output", network.forward(picture)) < 1e-4);
    Ok(())
}

#[test]
fn unsupported_values_are_named() -> Outcome {
    let mut config: HrNetConfig = reliad_weights::read_config(&model("hrnet")?, "config.json")?;
    config.blocks[1] = 0;
    let message = config
        .validate()
        .expect_err("a branch without blocks")
        .to_string();
    assert!(message.contains("`blocks`"), "{message}");
    Ok(())
}

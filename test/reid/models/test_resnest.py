from __future__ import annotations

import pytest

torch = pytest.importorskip('torch')

from torch import nn

from strongsort_ros.reid.models.resnest import BotResNeSt50, ResNeSt50


def norm(prefix, channels):
    parts = ('weight', 'bias', 'running_mean', 'running_var')
    return {f'{prefix}.{part}': (channels,) for part in parts}


def published_shapes():
    """Names and shapes of the parameters of FastReID's BoT(S50), from its description."""
    shapes = {
        'conv1.0.weight': (32, 3, 3, 3),
        **norm('conv1.1', 32),
        'conv1.3.weight': (32, 32, 3, 3),
        **norm('conv1.4', 32),
        'conv1.6.weight': (64, 32, 3, 3),
        **norm('bn1', 64),
    }
    inputs = 64
    for stage, (blocks, width) in enumerate(((3, 64), (4, 128), (6, 256), (3, 512)), start=1):
        for block in range(blocks):
            at = f'layer{stage}.{block}'
            shapes |= {
                f'{at}.conv1.weight': (width, inputs, 1, 1),
                **norm(f'{at}.bn1', width),
                f'{at}.conv2.conv.weight': (2 * width, width // 2, 3, 3),
                **norm(f'{at}.conv2.bn0', 2 * width),
                f'{at}.conv2.fc1.weight': (max(width // 2, 32), width, 1, 1),
                f'{at}.conv2.fc1.bias': (max(width // 2, 32),),
                **norm(f'{at}.conv2.bn1', max(width // 2, 32)),
                f'{at}.conv2.fc2.weight': (2 * width, max(width // 2, 32), 1, 1),
                f'{at}.conv2.fc2.bias': (2 * width,),
                f'{at}.conv3.weight': (4 * width, width, 1, 1),
                **norm(f'{at}.bn3', 4 * width),
            }
            if block == 0:
                shapes[f'{at}.downsample.1.weight'] = (4 * width, inputs, 1, 1)
                shapes |= norm(f'{at}.downsample.2', 4 * width)
            inputs = 4 * width
    return {f'backbone.{name}': shape for name, shape in shapes.items()} | norm(
        'heads.bottleneck.0', 2048
    )


def test_parameters_have_the_names_and_shapes_of_fastreid():
    found = {
        name: tuple(tensor.shape)
        for name, tensor in BotResNeSt50().state_dict().items()
        if not name.endswith('num_batches_tracked')
    }
    assert found == published_shapes()


def test_number_of_parameters_is_the_published_one():
    # 27.5 M in table 3 of the ResNeSt paper, without the classifier of 1000 classes.
    count = sum(parameter.numel() for parameter in ResNeSt50().parameters())
    assert count == 27_483_240 - (2048 * 1000 + 1000)


def test_shapes_of_features_and_embedding():
    network = BotResNeSt50().eval()
    with torch.inference_mode():
        assert network.backbone(torch.zeros(1, 3, 256, 128)).shape == (1, 2048, 16, 8)
        assert network(torch.zeros(1, 3, 256, 128)).shape == (1, 2048)


@pytest.mark.parametrize('last_stride', [1, 2])
def test_backbone_agrees_with_timm(timm, randomise, last_stride):
    theirs = timm.create_model(
        'resnest50d', pretrained=False, num_classes=0, output_stride=32 if last_stride == 2 else 16
    )
    if last_stride == 1:
        # In a stage that keeps its size FastReID averages in the main branch only.
        theirs.layer4[0].avd_last = nn.AvgPool2d(3, 1, padding=1)
        theirs.layer4[0].downsample[0] = nn.Identity()
    randomise(theirs)
    ours = ResNeSt50(last_stride).eval()
    ours.load_state_dict(theirs.state_dict())
    picture = torch.rand(2, 3, 128, 64, generator=torch.Generator().manual_seed(1))
    with torch.inference_mode():
        expected = theirs.forward_features(picture)
        assert torch.allclose(ours(picture), expected, atol=1e-4 * float(expected.abs().max()))

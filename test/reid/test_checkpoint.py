"""Weights files: supported formats load, others are refused with the reason."""

from __future__ import annotations

import hashlib
import os
import random
import zipfile

import numpy as np
import pytest

torch = pytest.importorskip('torch')

from safetensors.torch import save_file

from strongsort_ros.errors import ExtractorError
from strongsort_ros.reid import checkpoint
from strongsort_ros.reid.checkpoint import check_file, read_state_dict
from strongsort_ros.reid.models import load_network
from strongsort_ros.reid.models.osnet import WIDTHS, OSNet
from strongsort_ros.reid.models.resnest import BotResNeSt50


@pytest.fixture(scope='module')
def osnet_state():
    torch.manual_seed(0)
    state = dict(OSNet(0.25).state_dict())
    state |= {'classifier.weight': torch.zeros(751, 512), 'classifier.bias': torch.zeros(751)}
    return state


@pytest.fixture(scope='module')
def bot_state():
    torch.manual_seed(0)
    return dict(BotResNeSt50().state_dict())


def same(network, state):
    found = network.module.state_dict()
    return all(torch.equal(found[name], state[name]) for name in found)


WRAPPERS = {
    'bare': lambda state: state,
    'torchreid': lambda state: {'state_dict': state, 'epoch': 60, 'rank1': 0.6, 'optimizer': {}},
    'DataParallel': lambda state: {f'module.{name}': value for name, value in state.items()},
    'both': lambda state: {'state_dict': {f'module.{k}': v for k, v in state.items()}},
    'FastReID': lambda state: {'model': state, 'epoch': 3, 'metric': np.float64(81.5)},
}


@pytest.mark.parametrize('wrapper', WRAPPERS)
def test_wrapped_parameters_load(tmp_path, osnet_state, wrapper):
    path = tmp_path / 'weights.pth'
    torch.save(WRAPPERS[wrapper](osnet_state), path)
    network = load_network(path)
    assert network.card.name == 'osnet_x0_25'
    assert same(network, osnet_state)
    assert not network.module.training


@pytest.mark.parametrize('old', [False, True])
def test_both_formats_of_pytorch_load(tmp_path, osnet_state, old):
    path = tmp_path / 'weights.pt'
    torch.save(osnet_state, path, _use_new_zipfile_serialization=not old)
    assert same(load_network(path), osnet_state)


def test_safetensors_load(tmp_path, osnet_state):
    path = tmp_path / 'weights.safetensors'
    save_file({k: v.contiguous() for k, v in osnet_state.items()}, path)
    assert same(load_network(path), osnet_state)


def test_half_precision_loads(tmp_path, osnet_state):
    path = tmp_path / 'weights.pth'
    torch.save({k: v.half() if v.is_floating_point() else v for k, v in osnet_state.items()}, path)
    assert load_network(path).module.conv1.conv.weight.dtype == torch.float32


@pytest.mark.parametrize('name', WIDTHS)
def test_width_is_recognised_from_the_parameters(tmp_path, name):
    path = tmp_path / 'weights.pth'
    torch.save(OSNet(WIDTHS[name]).state_dict(), path)
    assert load_network(path).card.name == name


@pytest.mark.parametrize(
    ('neck', 'classifier'),
    [
        ('heads.bottleneck.0.', 'heads.weight'),
        ('heads.bottleneck.0.', 'heads.classifier.weight'),
        ('heads.bnneck.', 'heads.classifier.weight'),
    ],
    ids=['1.2', '1.0', '0.1'],
)
def test_every_release_of_fastreid_loads(tmp_path, bot_state, neck, classifier):
    state = {k.replace('heads.bottleneck.0.', neck): v for k, v in bot_state.items()}
    state[classifier] = torch.zeros(702, 2048)
    state |= {'pixel_mean': torch.zeros(1, 3, 1, 1), 'pixel_std': torch.ones(1, 3, 1, 1)}
    path = tmp_path / 'DukeMTMC_BoT-S50.pth'
    torch.save({'model': state}, path)
    network = load_network(path)
    assert network.card.name == 'bot_resnest50'
    assert network.card.max_cosine_distance == 0.45
    assert same(network, bot_state)


def refused(path):
    with pytest.raises(ExtractorError) as caught:
        load_network(path)
    message = str(caught.value)
    assert str(path) in message
    assert '\n' not in message
    return message


def test_missing_file_is_refused(tmp_path):
    assert 'no file' in refused(tmp_path / 'none.pth')


def test_folder_is_refused(tmp_path):
    (tmp_path / 'folder.pth').mkdir()
    assert 'no file' in refused(tmp_path / 'folder.pth')


def test_wrong_suffix_is_refused(tmp_path):
    path = tmp_path / 'weights.h5'
    path.touch()
    assert '.safetensors' in refused(path)


# PyTorch's magic number and protocol, after which it reads a checkpoint of its old format.
OLD_FORMAT = b'\x80\x02\x8a\nl\xfc\x9cF\xf9 j\xa8P\x19.\x80\x02M\xe9\x03.'
NONSENSE = {
    'empty': b'',
    'text': b'not a network',
    'a beginning': b'\x80\x02',
    'random': random.Random(0).randbytes(3000),
    'an IndexError': b'b.',
    'a TypeError': b'\x80\x02}]K\x01s.',
    'an AssertionError': OLD_FORMAT + b'\x80\x02}.\x80\x02}.\x80\x02]X\x01\x00\x00\x00aa.',
}


@pytest.mark.parametrize('suffix', ['.pth', '.safetensors'])
@pytest.mark.parametrize('content', NONSENSE.values(), ids=NONSENSE)
def test_nonsense_is_refused(tmp_path, suffix, content):
    path = tmp_path / f'weights{suffix}'
    path.write_bytes(content)
    refused(path)


@pytest.mark.parametrize('share', [0.1, 0.5, 0.99])
@pytest.mark.parametrize('suffix', ['.pth', '.safetensors'])
def test_truncated_files_are_refused(tmp_path, osnet_state, suffix, share):
    path = tmp_path / f'weights{suffix}'
    if suffix == '.pth':
        torch.save(osnet_state, path)
    else:
        save_file({k: v.contiguous() for k, v in osnet_state.items()}, path)
    content = path.read_bytes()
    path.write_bytes(content[: int(share * len(content))])
    assert 'damaged' in refused(path)


class Attack:
    def __init__(self, target):
        self.target = target

    def __reduce__(self):
        return (os.mkdir, (str(self.target),))


def test_code_in_a_file_never_runs(tmp_path, osnet_state):
    path, target = tmp_path / 'weights.pth', tmp_path / 'created_by_the_file'
    torch.save({'state_dict': osnet_state, 'more': Attack(target)}, path)
    assert 'more than tensors' in refused(path)
    assert not target.exists()


def test_missing_parameters_are_named(tmp_path, osnet_state):
    state = {k: v for k, v in osnet_state.items() if not k.startswith('fc.')}
    path = tmp_path / 'weights.pth'
    torch.save(state, path)
    message = refused(path)
    assert '6 missing: fc.0.weight, fc.0.bias, fc.1.weight, ...' in message
    assert 'OSNet' in message


def test_unexpected_parameters_are_named(tmp_path, osnet_state):
    path = tmp_path / 'weights.pth'
    torch.save(osnet_state | {'conv9.weight': torch.zeros(1)}, path)
    assert '1 unexpected: conv9.weight' in refused(path)


def test_wrong_shapes_are_named(tmp_path, osnet_state):
    path = tmp_path / 'weights.pth'
    torch.save(osnet_state | {'fc.0.weight': torch.zeros(256, 128)}, path)
    assert 'fc.0.weight is (256, 128), not (512, 128)' in refused(path)


def test_unknown_width_is_named(tmp_path, osnet_state):
    path = tmp_path / 'weights.pth'
    torch.save(osnet_state | {'conv1.conv.weight': torch.zeros(24, 3, 7, 7)}, path)
    assert '24 channels' in refused(path)


@pytest.mark.parametrize(
    'content', [{'layer1.weight': torch.zeros(3)}, {}, {'epoch': 3}, [1, 2], torch.zeros(3)]
)
def test_other_content_is_refused(tmp_path, content):
    path = tmp_path / 'weights.pth'
    torch.save(content, path)
    refused(path)


def test_deeper_resnest_is_refused(tmp_path, bot_state):
    deeper = bot_state | {'backbone.layer3.6.conv1.weight': torch.zeros(256, 1024, 1, 1)}
    path = tmp_path / 'weights.pth'
    torch.save({'model': deeper}, path)
    assert 'unexpected: backbone.layer3.6.conv1.weight' in refused(path)


def test_checksum_is_checked(tmp_path):
    path = tmp_path / 'weights.pth'
    path.write_bytes(b'abc')
    right = hashlib.sha256(b'abc').hexdigest()
    check_file(path, right)
    check_file(path, right.upper())
    with pytest.raises(ExtractorError, match=f'SHA-256 {right}, expected 00'):
        check_file(path, '00')


def test_reading_does_not_change_the_file(tmp_path, osnet_state):
    path = tmp_path / 'weights.pth'
    torch.save(osnet_state, path)
    before = path.read_bytes()
    read_state_dict(path)
    assert path.read_bytes() == before


def test_file_that_contains_itself_is_refused(tmp_path):
    content = {}
    content['state_dict'] = content
    torch.save(content, tmp_path / 'cyclic.pth')
    assert 'more than 4 containers deep' in refused(tmp_path / 'cyclic.pth')


def test_nested_containers_load(tmp_path, osnet_state):
    content = osnet_state
    for key in ('state_dict', 'model', 'model_state_dict'):
        content = {key: content}
    torch.save(content, tmp_path / 'deep.pth')
    assert same(load_network(tmp_path / 'deep.pth'), osnet_state)


def test_too_many_parameters_are_refused(tmp_path, monkeypatch):
    monkeypatch.setattr(checkpoint, 'MAX_PARAMETERS', 10)
    one = torch.zeros(1)
    torch.save({f'layer{i}': one for i in range(11)}, tmp_path / 'many.pth')
    assert 'has 11 parameters, expected 1 to 10' in refused(tmp_path / 'many.pth')


def test_large_file_is_refused_before_it_is_read(tmp_path):
    path = tmp_path / 'large.pth'
    with path.open('wb') as file:
        file.truncate(checkpoint.MAX_FILE_SIZE + 1)  # sparse: takes no disk space
    assert 'bytes, at most' in refused(path)


def test_file_that_unpacks_to_a_large_one_is_refused(tmp_path, monkeypatch, osnet_state):
    monkeypatch.setattr(checkpoint, 'MAX_FILE_SIZE', 500_000)
    stored, packed = tmp_path / 'stored.pth', tmp_path / 'packed.pth'
    torch.save({name: torch.zeros_like(tensor) for name, tensor in osnet_state.items()}, stored)
    with zipfile.ZipFile(stored) as source, zipfile.ZipFile(packed, 'w') as target:
        for record in source.infolist():
            target.writestr(record.filename, source.read(record), zipfile.ZIP_DEFLATED)
    assert packed.stat().st_size < 500_000
    assert 'unpacks to' in refused(packed)


@pytest.mark.parametrize(
    'make',
    [lambda t: t.to_sparse(), lambda t: t.to('meta'), lambda t: t.to(torch.complex64)],
    ids=['sparse', 'meta', 'complex'],
)
@pytest.mark.filterwarnings('ignore:Sparse')
def test_unusual_tensors_are_refused(tmp_path, osnet_state, make):
    state = osnet_state | {'fc.0.weight': make(osnet_state['fc.0.weight'])}
    torch.save(state, tmp_path / 'odd.pth')
    assert 'fc.0.weight is not a plain tensor' in refused(tmp_path / 'odd.pth')


def test_long_names_are_shortened_in_the_error(tmp_path):
    torch.save({'x' * 1_000_000: torch.zeros(1)}, tmp_path / 'long.pth')
    assert len(refused(tmp_path / 'long.pth')) < 700 + len(str(tmp_path))


def test_name_of_prefixes_only_is_refused(tmp_path):
    torch.save({'module.' * 100_000: torch.zeros(1)}, tmp_path / 'prefixes.pth')
    refused(tmp_path / 'prefixes.pth')


def test_stem_without_channels_is_refused(tmp_path, osnet_state):
    torch.save(osnet_state | {'conv1.conv.weight': torch.tensor(1.0)}, tmp_path / 'a.pth')
    assert 'stem of 0 channels' in refused(tmp_path / 'a.pth')

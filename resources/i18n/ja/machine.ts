<?xml version="1.0" encoding="utf-8"?>
<!DOCTYPE TS>
<TS version="2.1" language="ja">
<context>
    <name>DeviceCard</name>
    <message>
        <source>Weights</source>
        <translation>重み</translation>
    </message>
    <message>
        <source>KV cache</source>
        <translation>KV キャッシュ</translation>
    </message>
    <message>
        <source>Compute</source>
        <translation>計算用</translation>
    </message>
    <message>
        <source>Paddock</source>
        <translation>Paddock</translation>
    </message>
    <message>
        <source>Other programs</source>
        <translation>ほかのプログラム</translation>
    </message>
    <message>
        <source>Free</source>
        <translation>空き</translation>
    </message>
    <message>
        <source>Memory (RAM)</source>
        <translation>メモリ（RAM）</translation>
    </message>
    <message>
        <source>Its memory is part of the RAM</source>
        <translation>メモリは RAM と共有です</translation>
    </message>
    <message>
        <source>The driver does not tell how much memory is free</source>
        <translation>空きメモリの量をドライバーから取得できません</translation>
    </message>
    <message>
        <source>Limited by {source}; the machine has {physical}.</source>
        <translation>{source} による上限です。マシンの搭載量は {physical}。</translation>
    </message>
    <message>
        <source>Swap in use: {used} of {total}</source>
        <translation>スワップ使用量：{total} 中 {used}</translation>
    </message>
    <message>
        <source>Driver {version}</source>
        <translation>ドライバー {version}</translation>
    </message>
    <message>
        <source>Built into the processor</source>
        <translation>プロセッサー内蔵</translation>
    </message>
    <message>
        <source>{count} GPU cores</source>
        <translation>GPU コア {count} 個</translation>
    </message>
    <message>
        <source>~{rate} GB/s by the table of known devices</source>
        <translation>既知デバイスの表では ~{rate} GB/s</translation>
    </message>
    <message>
        <source>~{rate} GB/s by its data sheet</source>
        <translation>仕様上 ~{rate} GB/s</translation>
    </message>
</context>
<context>
    <name>EngineRow</name>
    <message>
        <source>comes with Paddock</source>
        <translation>Paddock に付属</translation>
    </message>
    <message>
        <source>built on this machine</source>
        <translation>このマシンでビルド</translation>
    </message>
    <message>
        <source>linked folder</source>
        <translation>リンクしたフォルダー</translation>
    </message>
    <message>
        <source>found folder</source>
        <translation>見つかったフォルダー</translation>
    </message>
    <message>
        <source>✓ in use</source>
        <translation>✓ 使用中</translation>
    </message>
    <message>
        <source>Use</source>
        <translation>使う</translation>
    </message>
    <message>
        <source>no device but the CPU</source>
        <translation>CPU のみ</translation>
    </message>
    <message>
        <source>Use {engine}</source>
        <translation>{engine} を使う</translation>
    </message>
</context>
<context>
    <name>EnginesCard</name>
    <message>
        <source>Engine</source>
        <translation>エンジン</translation>
    </message>
    <message>
        <source>Add a folder …</source>
        <translation>フォルダーを追加…</translation>
    </message>
    <message>
        <source>A folder with llama-server and the other tools</source>
        <translation>llama-server などのツールが入ったフォルダー</translation>
    </message>
    <message>
        <source>waiting for its turn</source>
        <translation>順番を待っています</translation>
    </message>
    <message>
        <source>A folder with llama.cpp's tools</source>
        <translation>llama.cpp のツールが入ったフォルダー</translation>
    </message>
    <message>
        <source>The llama.cpp build that runs the models. A loaded model keeps its own.</source>
        <translation>モデルを動かす llama.cpp のビルドです。読み込み済みのモデルは今のエンジンのまま動きます。</translation>
    </message>
    <message>
        <source>Asking the engines what they are …</source>
        <translation>エンジンの情報を取得しています…</translation>
    </message>
    <message>
        <source>Building the engine “{name}”</source>
        <translation>エンジン「{name}」をビルドしています</translation>
    </message>
    <message>
        <source>Build an engine with {backend}</source>
        <translation>{backend} 対応エンジンをビルド</translation>
    </message>
</context>
<context>
    <name>DisksCard</name>
    <message>
        <source>Disks</source>
        <translation>ディスク</translation>
    </message>
    <message>
        <source>network</source>
        <translation>ネットワーク</translation>
    </message>
    <message>
        <source>in memory</source>
        <translation>メモリ上</translation>
    </message>
    <message>
        <source>read only</source>
        <translation>読み取り専用</translation>
    </message>
    <message>
        <source>{free} free of {total}</source>
        <translation>{total} 中 {free} 空き</translation>
    </message>
</context>
<context>
    <name>FindingRow</name>
    <message>
        <source>Problem</source>
        <translation>問題</translation>
    </message>
    <message>
        <source>Could be better</source>
        <translation>改善できます</translation>
    </message>
    <message>
        <source>Good to know</source>
        <translation>参考</translation>
    </message>
    <message>
        <source>Fine</source>
        <translation>良好</translation>
    </message>
</context>
<context>
    <name>DoctorCard</name>
    <message>
        <source>What decides how well models run here</source>
        <translation>このマシンでの動作を左右するもの</translation>
    </message>
    <message>
        <source>Looking at the machine …</source>
        <translation>マシンを調べています…</translation>
    </message>
    <message>
        <source>{errors} problems, {warnings} that could be better, {rest} others</source>
        <translation>問題 {errors} 件、改善できる点 {warnings} 件、その他 {rest} 件</translation>
    </message>
</context>
<context>
    <name>CpuCard</name>
    <message>
        <source>virtual machine</source>
        <translation>仮想マシン</translation>
    </message>
    <message>
        <source>{cores} cores, {threads} threads</source>
        <translation>{cores} コア、{threads} スレッド</translation>
    </message>
    <message>
        <source>{fast} fast and {frugal} frugal ones</source>
        <translation>高性能 {fast}、高効率 {frugal}</translation>
    </message>
    <message>
        <source>⚠ Only {usable} of {threads} threads may be used.</source>
        <translation>⚠ {threads} スレッドのうち {usable} だけが使えます。</translation>
    </message>
</context>
<context>
    <name>BandwidthCard</name>
    <message>
        <source>Memory bandwidth</source>
        <translation>メモリ帯域幅</translation>
    </message>
    <message>
        <source>Every token reads the whole model once: this bounds the speed.</source>
        <translation>トークンごとにモデル全体を 1 回読むため、これが速度の上限を決めます。</translation>
    </message>
    <message>
        <source>measured today</source>
        <translation>今日測定</translation>
    </message>
    <message>
        <source>measured yesterday</source>
        <translation>昨日測定</translation>
    </message>
    <message>
        <source>Cancel</source>
        <translation>キャンセル</translation>
    </message>
    <message>
        <source>Measuring, about 2 s</source>
        <translation>測定中（約 2 秒）</translation>
    </message>
    <message>
        <source>measured {days} days ago</source>
        <translation>{days} 日前に測定</translation>
    </message>
    <message>
        <source>Measure</source>
        <translation>測定する</translation>
    </message>
    <message>
        <source>measured by itself as soon as the machine is idle</source>
        <translation>マシンが空いたときに自動で測定します</translation>
    </message>
    <message>
        <source>Measure again</source>
        <translation>もう一度測定</translation>
    </message>
</context>
<context>
    <name>MachinePage</name>
    <message>
        <source>Machine</source>
        <translation>マシン</translation>
    </message>
    <message>
        <source>Look again</source>
        <translation>再確認</translation>
    </message>
    <message>
        <source>Look again (F5)</source>
        <translation>再確認（F5）</translation>
    </message>
    <message>
        <source>Looking at the machine …</source>
        <translation>マシンを調べています…</translation>
    </message>
    <message>
        <source>Devices, engines and disks are being asked; this takes a few seconds at most.</source>
        <translation>デバイス、エンジン、ディスクの情報を取得しています。数秒で終わります。</translation>
    </message>
    <message>
        <source>The engine “{name}” is built. Choose it here.</source>
        <translation>エンジン「{name}」ができました。ここで選べます。</translation>
    </message>
</context>
<context>
    <name>Doctor</name>
    <message>
        <source>“{0}”</source>
        <translation>「{0}」</translation>
    </message>
    <message>
        <source>The engine in use cannot use the GPU</source>
        <translation>使用中のエンジンは GPU を使えません</translation>
    </message>
    <message>
        <source>{gpu} is here, but the engine “{runtime}” ({version}) was built with {backends} only: models run on the CPU, several times slower.</source>
        <translation>{gpu} がありますが、エンジン「{runtime}」（{version}）は {backends} 専用のビルドです。モデルは CPU で動き、数倍遅くなります。</translation>
    </message>
    <message>
        <source>Get an engine with {wanted}: `paddock engine build --backend {wanted}`, or choose one from `paddock engine list`.</source>
        <translation>{wanted} 対応のエンジンを用意してください。`paddock engine build --backend {wanted}` でビルドするか、`paddock engine list` から選べます。</translation>
    </message>
    <message>
        <source>The engine does not see the GPU</source>
        <translation>エンジンから GPU が見えません</translation>
    </message>
    <message>
        <source>{gpu} is here and the engine “{runtime}” was built with {backends}, but it lists {devices}.</source>
        <translation>{gpu} があり、エンジン「{runtime}」は {backends} 対応ですが、一覧にあるのは {devices} です。</translation>
    </message>
    <message>
        <source>Most often the driver is too old for this engine, or the GPU is hidden from this program (container, CUDA_VISIBLE_DEVICES). Update the driver, then run `paddock doctor` again.</source>
        <translation>多くの場合、ドライバーがこのエンジンには古すぎるか、GPU がこのプログラムから隠されています（コンテナ、CUDA_VISIBLE_DEVICES）。ドライバーを更新してから、もう一度 `paddock doctor` を実行してください。</translation>
    </message>
    <message>
        <source>The GPU is used</source>
        <translation>GPU を使っています</translation>
    </message>
    <message>
        <source>{gpu}; the engine “{runtime}” lists {devices}.</source>
        <translation>{gpu}。エンジン「{runtime}」の一覧：{devices}。</translation>
    </message>
    <message>
        <source>No GPU found</source>
        <translation>GPU が見つかりません</translation>
    </message>
    <message>
        <source>Models run on the CPU.</source>
        <translation>モデルは CPU で動きます。</translation>
    </message>
    <message>
        <source>A graphics adapter the engine does not use</source>
        <translation>エンジンが使わないグラフィックアダプターがあります</translation>
    </message>
    <message>
        <source>{adapter}. Whether it makes models faster depends on it; adapters built into the CPU share its memory and seldom do.</source>
        <translation>{adapter}。速くなるかどうかは製品によります。CPU 内蔵のものはメモリを共有するため、速くなることはまれです。</translation>
    </message>
    <message>
        <source>To try it, get an engine with Vulkan: `paddock engine build --backend vulkan`.</source>
        <translation>試すには、Vulkan 対応のエンジンを用意してください：`paddock engine build --backend vulkan`</translation>
    </message>
    <message>
        <source>A graphics card without a driver</source>
        <translation>ドライバーのないグラフィックカードがあります</translation>
    </message>
    <message>
        <source>{adapter}: neither games nor models can use it.</source>
        <translation>{adapter}。ゲームもモデルもこのカードを使えません。</translation>
    </message>
    <message>
        <source>Install its driver from your distribution (AMD: amdgpu with Mesa; Intel: i915 or xe with Mesa), restart, and run `paddock doctor` again.</source>
        <translation>ディストリビューションのドライバーをインストールし（AMD：amdgpu と Mesa、Intel：i915 または xe と Mesa）、再起動してからもう一度 `paddock doctor` を実行してください。</translation>
    </message>
    <message>
        <source>Choose the one that came with Paddock: `paddock engine use environment`.</source>
        <translation>Paddock 付属のエンジンを選んでください：`paddock engine use environment`</translation>
    </message>
    <message>
        <source>The integrated GPU is left alone</source>
        <translation>内蔵 GPU は使いません</translation>
    </message>
    <message>
        <source>{gpu} shares the RAM. Beside a graphics card the engine does not use it, for it would slow the card down.</source>
        <translation>{gpu} は RAM を共有します。グラフィックカードがあるときは、カードを遅くするため、エンジンは内蔵 GPU を使いません。</translation>
    </message>
    <message>
        <source>Other programs hold much of the GPU's memory</source>
        <translation>ほかのプログラムが GPU メモリを多く使っています</translation>
    </message>
    <message>
        <source>{gpu}: {used} of {total} are taken{holders}.</source>
        <translation>{gpu}：{total} のうち {used} が使用中です{holders}。</translation>
    </message>
    <message>
        <source>Close them before you load a large model.</source>
        <translation>大きなモデルを読み込む前に終了してください。</translation>
    </message>
    <message>
        <source>The GPU is split with MIG</source>
        <translation>GPU は MIG で分割されています</translation>
    </message>
    <message>
        <source>{gpu} is split into {count} instances; a program can use one of them.</source>
        <translation>{gpu} は {count} 個のインスタンスに分割されており、1 つのプログラムが使えるのはそのうち 1 つです。</translation>
    </message>
    <message>
        <source>Choose one with CUDA_VISIBLE_DEVICES, or have an administrator switch MIG off.</source>
        <translation>CUDA_VISIBLE_DEVICES で選ぶか、管理者に MIG の無効化を依頼してください。</translation>
    </message>
    <message>
        <source>CUDA_VISIBLE_DEVICES hides the GPU</source>
        <translation>CUDA_VISIBLE_DEVICES が GPU を隠しています</translation>
    </message>
    <message>
        <source>It is set to “{value}”, so that programs see no NVIDIA GPU.</source>
        <translation>値は「{value}」で、プログラムから NVIDIA GPU が見えません。</translation>
    </message>
    <message>
        <source>Unset it before you start Paddock.</source>
        <translation>Paddock を起動する前に、この設定を解除してください。</translation>
    </message>
    <message>
        <source>The container was promised a GPU and has none</source>
        <translation>コンテナに GPU が渡されていません</translation>
    </message>
    <message>
        <source>NVIDIA_VISIBLE_DEVICES is “{value}”, but there is no /dev/nvidia* here.</source>
        <translation>NVIDIA_VISIBLE_DEVICES は「{value}」ですが、/dev/nvidia* がありません。</translation>
    </message>
    <message>
        <source>Start it with `--gpus all` (Docker) or `--device nvidia.com/gpu=all` (Podman), with NVIDIA's container toolkit on the host.</source>
        <translation>ホストに NVIDIA Container Toolkit を入れ、`--gpus all`（Docker）または `--device nvidia.com/gpu=all`（Podman）を付けて起動してください。</translation>
    </message>
    <message>
        <source>There is no working engine</source>
        <translation>動くエンジンがありません</translation>
    </message>
    <message>
        <source>Without one no model can be loaded.</source>
        <translation>エンジンがないと、モデルを読み込めません。</translation>
    </message>
    <message>
        <source>Run `paddock engine list`; `paddock engine build` makes one.</source>
        <translation>`paddock engine list` で確認してください。`paddock engine build` で作れます。</translation>
    </message>
    <message>
        <source>The CPU is fit for models</source>
        <translation>CPU はモデルの実行に適しています</translation>
    </message>
    <message>
        <source>{name}, {cores} cores, {sets}.</source>
        <translation>{name}、{cores} コア、{sets}。</translation>
    </message>
    <message>
        <source>The CPU has no AVX2</source>
        <translation>CPU が AVX2 に対応していません</translation>
    </message>
    <message>
        <source>{name} lacks the instructions the engine is fastest with: models run several times slower than on a CPU of 2013 or later.</source>
        <translation>{name} には、エンジンが最も速く動く命令がありません。2013 年以降の CPU より数倍遅くなります。</translation>
    </message>
    <message>
        <source>In a virtual machine, set the CPU type to “host”. Otherwise use small models.</source>
        <translation>仮想マシンでは CPU の種類を「host」にしてください。それ以外の場合は、小さなモデルを使ってください。</translation>
    </message>
    <message>
        <source>The CPU has no dot product instructions</source>
        <translation>CPU に内積命令がありません</translation>
    </message>
    <message>
        <source>{name} lacks them; quantized models run about half as fast as on newer ARM CPUs.</source>
        <translation>{name} は対応していません。量子化モデルの速度は、新しい ARM CPU のおよそ半分です。</translation>
    </message>
    <message>
        <source>Use small models.</source>
        <translation>小さなモデルを使ってください。</translation>
    </message>
    <message>
        <source>Only a part of the CPU may be used</source>
        <translation>CPU の一部しか使えません</translation>
    </message>
    <message>
        <source>{usable} of {logical} logical CPUs: {source}.</source>
        <translation>論理 CPU {logical} 個のうち {usable} 個：{source}。</translation>
    </message>
    <message>
        <source>Raise the container's or service's CPU limit, if you may.</source>
        <translation>可能であれば、コンテナやサービスの CPU 上限を引き上げてください。</translation>
    </message>
    <message>
        <source>Memory</source>
        <translation>メモリ</translation>
    </message>
    <message>
        <source>{available} of {total} RAM are free.</source>
        <translation>RAM {total} のうち {available} が空いています。</translation>
    </message>
    <message>
        <source>Less memory may be used than the machine has</source>
        <translation>使えるメモリが搭載量より少なく制限されています</translation>
    </message>
    <message>
        <source>{limit} of {physical} RAM: the limit is set by {source}.</source>
        <translation>RAM {physical} のうち {limit}：上限の設定元は {source} です。</translation>
    </message>
    <message>
        <source>Raise the limit of the container, service or shell, if you may.</source>
        <translation>可能であれば、コンテナ、サービス、シェルの上限を引き上げてください。</translation>
    </message>
    <message>
        <source>Little memory is free</source>
        <translation>空きメモリが少なくなっています</translation>
    </message>
    <message>
        <source>Close programs, unload models (`paddock unload`), or use smaller models.</source>
        <translation>プログラムを終了する、モデルをメモリから降ろす（`paddock unload`）、小さなモデルを使う、のいずれかを試してください。</translation>
    </message>
    <message>
        <source>The system swaps while a model is loaded</source>
        <translation>モデルの読み込み中にスワップが起きています</translation>
    </message>
    <message>
        <source>{used} of memory lie on the disk; a model that is swapped out answers extremely slowly.</source>
        <translation>{used} がディスク上にあります。スワップに出たモデルの応答は極端に遅くなります。</translation>
    </message>
    <message>
        <source>Unload a model, use a smaller context, or close programs.</source>
        <translation>モデルを降ろす、コンテキストを小さくする、プログラムを終了する、のいずれかを試してください。</translation>
    </message>
    <message>
        <source>Memory bandwidth</source>
        <translation>メモリ帯域幅</translation>
    </message>
    <message>
        <source>{rate} GB/s measured, {age}.</source>
        <translation>{rate} GB/s（{age}測定）。</translation>
    </message>
    <message>
        <source>The memory is slow for this CPU</source>
        <translation>この CPU に対してメモリが遅い可能性があります</translation>
    </message>
    <message>
        <source>{rate} GB/s measured for {cores} cores. This is a suspicion: such a figure is typical of memory that fills only one channel, or not all of them.</source>
        <translation>{cores} コアで {rate} GB/s でした。断定はできませんが、メモリが 1 チャネルだけ、または一部のチャネルにしか載っていない場合によくある値です。</translation>
    </message>
    <message>
        <source>If you can, put equal memory modules into the slots the board's manual names for two (or all) channels. The speed of answers rises with this figure.</source>
        <translation>可能であれば、マザーボードの説明書に従い、同じメモリを 2 チャネル（またはすべて）のスロットに挿してください。応答の速度はこの値に比例します。</translation>
    </message>
    <message>
        <source>{rate} GB/s measured for {cores} cores, in a virtual machine: others may use the same memory.</source>
        <translation>仮想マシンの {cores} コアで {rate} GB/s でした。ほかの利用者が同じメモリを使っているかもしれません。</translation>
    </message>
    <message>
        <source>Measure again at a quiet time: `paddock hw`.</source>
        <translation>空いている時間にもう一度測定してください：`paddock hw`</translation>
    </message>
    <message>
        <source>The bandwidth measured may be too good</source>
        <translation>測定した帯域幅は実際より高い可能性があります</translation>
    </message>
    <message>
        <source>With so little free RAM only {size} could be gone through, which the CPU's caches partly hold.</source>
        <translation>空き RAM が少なく、{size} しか読み書きできませんでした。その一部は CPU のキャッシュに収まります。</translation>
    </message>
    <message>
        <source>Measure again with more free RAM.</source>
        <translation>RAM の空きを増やしてから、もう一度測定してください。</translation>
    </message>
    <message>
        <source>The CPU is slowed down to save power</source>
        <translation>節電のため CPU の速度が抑えられています</translation>
    </message>
    <message>
        <source>The reason: {what}.</source>
        <translation>理由：{what}。</translation>
    </message>
    <message>
        <source>Choose “balanced” or “performance” in the system's power settings (`powerprofilesctl set balanced`).</source>
        <translation>システムの電源設定で「バランス」または「パフォーマンス」を選んでください（`powerprofilesctl set balanced`）。</translation>
    </message>
    <message>
        <source>The computer runs on battery</source>
        <translation>バッテリーで動いています</translation>
    </message>
    <message>
        <source>{percent} % are left. Models run slower and drain it fast.</source>
        <translation>残り {percent} % です。モデルの実行は遅くなり、電池も早く減ります。</translation>
    </message>
    <message>
        <source>Plug it in.</source>
        <translation>電源につないでください。</translation>
    </message>
    <message>
        <source>Room for models</source>
        <translation>モデルの保存先</translation>
    </message>
    <message>
        <source>{free} are free in {folder}.</source>
        <translation>{folder} の空きは {free} です。</translation>
    </message>
    <message>
        <source>Little room for models</source>
        <translation>モデルの保存先の空きが少なくなっています</translation>
    </message>
    <message>
        <source>Free some space, remove models (`paddock rm`), or move the models with HF_HOME.</source>
        <translation>空きを増やす、モデルを削除する（`paddock rm`）、HF_HOME で保存先を移す、のいずれかを試してください。</translation>
    </message>
    <message>
        <source>The disk of Paddock's own files is nearly full</source>
        <translation>Paddock のデータを置くディスクがほぼ満杯です</translation>
    </message>
    <message>
        <source>{free} are free in {folder}; chats and records could not be saved.</source>
        <translation>{folder} の空きは {free} です。会話や記録を保存できなくなります。</translation>
    </message>
    <message>
        <source>Free some space.</source>
        <translation>空きを増やしてください。</translation>
    </message>
    <message>
        <source>The models' disk cannot hold large files</source>
        <translation>モデルのディスクに大きなファイルを置けません</translation>
    </message>
    <message>
        <source>{folder} is on {filesystem}: no file may be over 4 GiB, which most models are.</source>
        <translation>{folder} は {filesystem} です。4 GiB を超えるファイルを置けませんが、ほとんどのモデルはそれより大きくなります。</translation>
    </message>
    <message>
        <source>Use a disk with another file system; move the models with HF_HOME.</source>
        <translation>別のファイルシステムのディスクを使い、HF_HOME でモデルを移してください。</translation>
    </message>
    <message>
        <source>The models lie on another machine</source>
        <translation>モデルが別のマシン上にあります</translation>
    </message>
    <message>
        <source>{folder} is on {filesystem}: loading takes as long as the network does.</source>
        <translation>{folder} は {filesystem} です。読み込みの時間はネットワークの速度で決まります。</translation>
    </message>
    <message>
        <source>Keep models you use on a local disk; move them with HF_HOME.</source>
        <translation>よく使うモデルはローカルのディスクに置いてください。HF_HOME で移せます。</translation>
    </message>
    <message>
        <source>The models would lie in memory</source>
        <translation>モデルの保存先がメモリ上です</translation>
    </message>
    <message>
        <source>{folder} is on {filesystem}: what is stored there takes RAM and is gone after a restart.</source>
        <translation>{folder} は {filesystem} です。保存した分だけ RAM を使い、再起動すると消えます。</translation>
    </message>
    <message>
        <source>Use a real disk; move the models with HF_HOME.</source>
        <translation>実際のディスクを使い、HF_HOME でモデルを移してください。</translation>
    </message>
    <message>
        <source>No model can be stored</source>
        <translation>モデルを保存できません</translation>
    </message>
    <message>
        <source>{folder}: {reason}</source>
        <translation>{folder}：{reason}</translation>
    </message>
    <message>
        <source>Give this user the right to write there, or move the models with HF_HOME.</source>
        <translation>このユーザーに書き込みを許可するか、HF_HOME で保存先を移してください。</translation>
    </message>
    <message>
        <source>Models that cannot be loaded</source>
        <translation>読み込めないモデルがあります</translation>
    </message>
    <message>
        <source>{count} of {models}: {names}.</source>
        <translation>{models} 件中 {count} 件：{names}。</translation>
    </message>
    <message>
        <source>Get them again (`paddock pull`) or remove them (`paddock rm`).</source>
        <translation>取得し直す（`paddock pull`）か、削除してください（`paddock rm`）。</translation>
    </message>
    <message>
        <source>Models</source>
        <translation>モデル</translation>
    </message>
    <message>
        <source>{models} in the library, none of them broken.</source>
        <translation>ライブラリに {models} 件あり、破損はありません。</translation>
    </message>
    <message>
        <source>No models yet</source>
        <translation>モデルはまだありません</translation>
    </message>
    <message>
        <source>The library is empty.</source>
        <translation>ライブラリは空です。</translation>
    </message>
    <message>
        <source>See `paddock recommend`.</source>
        <translation>`paddock recommend` をご覧ください。</translation>
    </message>
    <message>
        <source>Service</source>
        <translation>サービス</translation>
    </message>
    <message>
        <source>It runs{url}. Models in memory: {loaded}.</source>
        <translation>動作しています{url}。メモリ上のモデル：{loaded}。</translation>
    </message>
    <message>
        <source>It is not running; it starts when it is needed.</source>
        <translation>停止しています。必要になると起動します。</translation>
    </message>
    <message>
        <source>The service does not answer</source>
        <translation>サービスが応答しません</translation>
    </message>
    <message>
        <source>{detail}</source>
        <translation>{detail}</translation>
    </message>
    <message>
        <source>Stop it with `paddock stop` and start it again; see `paddock logs`.</source>
        <translation>`paddock stop` で止めて、もう一度起動してください。`paddock logs` も確認してください。</translation>
    </message>
    <message>
        <source>Another machine uses this data folder</source>
        <translation>別のマシンがこのデータフォルダーを使っています</translation>
    </message>
    <message>
        <source>Stop Paddock there, or give this machine its own folder with PADDOCK_HOME.</source>
        <translation>そちらの Paddock を終了するか、PADDOCK_HOME でこのマシン専用のフォルダーを指定してください。</translation>
    </message>
    <message>
        <source>The running service is of another version</source>
        <translation>動作中のサービスのバージョンが異なります</translation>
    </message>
    <message>
        <source>Restart it: `paddock stop`, then start it again.</source>
        <translation>再起動してください。`paddock stop` のあと、もう一度起動します。</translation>
    </message>
    <message>
        <source>Secrets</source>
        <translation>秘密情報</translation>
    </message>
    <message>
        <source>This machine's speed was not measured</source>
        <translation>このマシンの速度はまだ測定されていません</translation>
    </message>
    <message>
        <source>How fast models will run is taken from other machines' figures, which may be far off.</source>
        <translation>モデルの速度は他のマシンの数値から見積もっているため、大きく外れることがあります。</translation>
    </message>
    <message>
        <source>Run `paddock hw --calibrate`: it takes under a minute and downloads nothing.</source>
        <translation>`paddock hw --calibrate` を実行してください。1 分もかからず、何もダウンロードしません。</translation>
    </message>
    <message>
        <source>Memory predictions so far</source>
        <translation>これまでのメモリ予測</translation>
    </message>
    <message>
        <source>{count} loads: off by {mean} on average, {worst} at most.</source>
        <translation>読み込み {count} 回：誤差は平均 {mean}、最大 {worst}。</translation>
    </message>
    <message>
        <source>Speed predictions so far</source>
        <translation>これまでの速度予測</translation>
    </message>
    <message>
        <source>{count} answers: generation off by {decode} on average, prompts by {prefill}; {inside} were within the stated range.</source>
        <translation>回答 {count} 件：誤差は生成が平均 {decode}、プロンプトが {prefill}。{inside} が示した範囲に収まりました。</translation>
    </message>
    <message>
        <source>They lie in the system's keychain{detail}.</source>
        <translation>システムのキーチェーンに保存されています{detail}。</translation>
    </message>
    <message>
        <source>Secrets lie in a file</source>
        <translation>秘密情報はファイルに保存されています</translation>
    </message>
    <message>
        <source>The system has no keychain that could be used{detail}; only this user can read the file.</source>
        <translation>使えるキーチェーンがシステムにありません{detail}。ファイルを読めるのはこのユーザーだけです。</translation>
    </message>
    <message>
        <source>Secrets cannot be stored</source>
        <translation>秘密情報を保存できません</translation>
    </message>
    <message>
        <source>Neither a keychain nor a file could be used{detail}.</source>
        <translation>キーチェーンもファイルも使えません{detail}。</translation>
    </message>
    <message>
        <source>Give the hub's token with HF_TOKEN.</source>
        <translation>ハブのトークンは HF_TOKEN で指定してください。</translation>
    </message>
    <message>
        <source>today</source>
        <translation>今日</translation>
    </message>
    <message>
        <source>yesterday</source>
        <translation>昨日</translation>
    </message>
    <message>
        <source>{0} days ago</source>
        <translation>{0} 日前に</translation>
    </message>
    <message>
        <source>a quota in {0}</source>
        <translation>{0} の割り当て</translation>
    </message>
    <message>
        <source>the process's CPU affinity</source>
        <translation>プロセスの CPU アフィニティ</translation>
    </message>
    <message>
        <source> at {0}</source>
        <translation>（{0}）</translation>
    </message>
    <message>
        <source>{0} is no folder.</source>
        <translation>{0} はフォルダーではありません。</translation>
    </message>
    <message>
        <source>{0} cannot be written to.</source>
        <translation>{0} に書き込めません。</translation>
    </message>
    <message>
        <source>The file system is read-only.</source>
        <translation>ファイルシステムが読み取り専用です。</translation>
    </message>
    <message>
        <source>Permission denied.</source>
        <translation>権限がありません。</translation>
    </message>
    <message>
        <source>nothing</source>
        <translation>なし</translation>
    </message>
    <message>
        <source>no device</source>
        <translation>デバイスなし</translation>
    </message>
    <message>
        <source>sets unknown</source>
        <translation>命令セット不明</translation>
    </message>
    <message>
        <source>NVIDIA driver</source>
        <translation>NVIDIA ドライバー</translation>
    </message>
    <message>
        <source>Processor</source>
        <translation>プロセッサー</translation>
    </message>
    <message>
        <source>NVIDIA GPUs</source>
        <translation>NVIDIA GPU</translation>
    </message>
    <message>
        <source>AMD GPUs</source>
        <translation>AMD GPU</translation>
    </message>
    <message>
        <source>PCI bus</source>
        <translation>PCI バス</translation>
    </message>
    <message>
        <source>System</source>
        <translation>システム</translation>
    </message>
    <message>
        <source>The rest works without it.</source>
        <translation>ほかの機能には影響ありません。</translation>
    </message>
    <message>
        <source>Speeds are estimated without it; `paddock hw` tries again.</source>
        <translation>この値なしで速度を見積もります。`paddock hw` でもう一度測定できます。</translation>
    </message>
    <message>
        <source>Restart the computer.</source>
        <translation>コンピューターを再起動してください。</translation>
    </message>
    <message>
        <source>The driver's library and its kernel module are of different versions: the driver was updated while the system was running.</source>
        <translation>ドライバーのライブラリとカーネルモジュールのバージョンが異なります。システムの動作中にドライバーが更新されました。</translation>
    </message>
    <message>
        <source>This user may not use the GPU's device files.</source>
        <translation>このユーザーには GPU のデバイスファイルを使う権限がありません。</translation>
    </message>
    <message>
        <source>Check the permissions of /dev/nvidia*; on many systems the user must be in the groups `video` and `render`.</source>
        <translation>/dev/nvidia* の権限を確認してください。多くのシステムでは、ユーザーが `video` と `render` グループに属している必要があります。</translation>
    </message>
    <message>
        <source>Restart the computer; if it happens again, install the driver anew.</source>
        <translation>コンピューターを再起動してください。再発する場合は、ドライバーを入れ直してください。</translation>
    </message>
    <message>
        <source>Run `sudo modprobe nvidia`, or restart. With Secure Boot on, the module must be signed and its key enrolled.</source>
        <translation>`sudo modprobe nvidia` を実行するか、再起動してください。セキュアブートが有効な場合は、モジュールへの署名と鍵の登録が必要です。</translation>
    </message>
    <message>
        <source>Install NVIDIA's driver from your distribution (on Ubuntu: `sudo ubuntu-drivers install`) and restart. In a container, start it with access to the GPU (`--gpus all`).</source>
        <translation>ディストリビューションから NVIDIA ドライバーをインストールし（Ubuntu では `sudo ubuntu-drivers install`）、再起動してください。コンテナでは、GPU を渡して起動してください（`--gpus all`）。</translation>
    </message>
    <message>
        <source>Restart the computer; if it happens again, check the GPU's power cables and cooling, and the kernel's log for “Xid”.</source>
        <translation>コンピューターを再起動してください。再発する場合は、GPU の電源ケーブルと冷却、カーネルログの「Xid」を確認してください。</translation>
    </message>
    <message>
        <source>This user may not ask the driver for all it knows.</source>
        <translation>このユーザーには、ドライバーの一部の情報を読む権限がありません。</translation>
    </message>
    <message>
        <source>Nothing needs doing if models run; else check the permissions of /dev/nvidia*.</source>
        <translation>モデルが動いていれば対応は不要です。動かない場合は、/dev/nvidia* の権限を確認してください。</translation>
    </message>
    <message>
        <source>Models may run all the same. If not, restart the computer or update the driver.</source>
        <translation>それでもモデルが動くことはあります。動かない場合は、再起動するか、ドライバーを更新してください。</translation>
    </message>
</context>
<context>
    <name>CalibrationCard</name>
    <message>
        <source>How fast this machine computes</source>
        <translation>このマシンの計算速度</translation>
    </message>
    <message>
        <source>Calibrate (under a minute)</source>
        <translation>較正する（1分以内）</translation>
    </message>
    <message>
        <source>Calibrate again (under a minute)</source>
        <translation>較正し直す（1分以内）</translation>
    </message>
    <message>
        <source>Measures with small models made up on the spot: nothing is downloaded</source>
        <translation>その場で作る小さなモデルで測ります。何もダウンロードしません</translation>
    </message>
    <message>
        <source>Not calibrated: speeds are told from what others measured on such devices.</source>
        <translation>未較正：速度は、同種のデバイスで公表された測定値によります。</translation>
    </message>
    <message>
        <source>{device}: calibrated on {date}, answers within ± {band} %</source>
        <translation>{device}：{date} に較正、生成は ± {band} % 以内</translation>
    </message>
    <message>
        <source>Waiting for its turn</source>
        <translation>順番を待っています</translation>
    </message>
    <message>
        <source>Measuring</source>
        <translation>測定中</translation>
    </message>
    <message>
        <source>Waiting for answers in progress</source>
        <translation>生成中の回答を待っています</translation>
    </message>
    <message>
        <source>{left} left at most</source>
        <translation>残り最大 {left}</translation>
    </message>
    <message>
        <source>Memory of {count} loads: {mean} % off on average, at most {worst} %</source>
        <translation>読み込み {count} 回のメモリー：予測との差は平均 {mean} %、最大 {worst} %</translation>
    </message>
    <message>
        <source>Speed of {count} answers: {mean} % off on average, {inside} % within the band</source>
        <translation>回答 {count} 件の速度：予測との差は平均 {mean} %、{inside} % が範囲内</translation>
    </message>
    <message>
        <source>Speed of reading {count} prompts: {mean} % off on average, {inside} % within the band</source>
        <translation>プロンプト {count} 件の読み取り速度：予測との差は平均 {mean} %、{inside} % が範囲内</translation>
    </message>
</context>
</TS>

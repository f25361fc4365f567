<?xml version="1.0" encoding="utf-8"?>
<!DOCTYPE TS>
<TS version="2.1" language="ja">
<context>
    <name>BenchPage</name>
    <message>
        <source>Benchmark</source>
        <translation>ベンチマーク</translation>
    </message>
    <message>
        <source>Reading the results.</source>
        <translation>測定結果を読み込んでいます。</translation>
    </message>
    <message>
        <source>Run {number} may not show what this machine can do</source>
        <translation>測定 {number} は、このマシンの実力を示していない可能性があります</translation>
    </message>
    <message>
        <source>Run {number} was disturbed</source>
        <translation>測定 {number} の間に、ほかの処理が入りました</translation>
    </message>
    <message>
        <source>Stop</source>
        <translation>中止</translation>
    </message>
    <message>
        <source>Run</source>
        <translation>測定する</translation>
    </message>
    <message>
        <source>Close</source>
        <translation>閉じる</translation>
    </message>
    <message>
        <source>There is no model to measure. Add one in the Library.</source>
        <translation>測定できるモデルがありません。ライブラリーで追加してください。</translation>
    </message>
    <message>
        <source>The figures of the first run appear here.</source>
        <translation>最初の測定結果がここに表示されます。</translation>
    </message>
    <message>
        <source>No runs yet, and no model to measure.</source>
        <translation>まだ測定結果がなく、測定できるモデルもありません。</translation>
    </message>
    <message>
        <source>No runs yet. Measure {model} to see its speed here.</source>
        <translation>まだ測定結果がありません。{model} を測ると、速度がここに表示されます。</translation>
    </message>
    <message>
        <source>Run the quick benchmark</source>
        <translation>手早く測定する</translation>
    </message>
</context>
<context>
    <name>RunBar</name>
    <message>
        <source>Several, separated by commas, are measured one after the other.</source>
        <translation>コンマで区切ると、順に測定します。</translation>
    </message>
    <message>
        <source>Model</source>
        <translation>モデル</translation>
    </message>
    <message>
        <source>The model that is measured</source>
        <translation>測定するモデル</translation>
    </message>
    <message>
        <source>Prompt tokens</source>
        <translation>入力トークン</translation>
    </message>
    <message>
        <source>How much is read; 0 leaves prefill out.</source>
        <translation>読み込ませる量です。0 にするとプリフィルを測りません。</translation>
    </message>
    <message>
        <source>Generated</source>
        <translation>生成トークン</translation>
    </message>
    <message>
        <source>How much is written; 0 leaves decode out.</source>
        <translation>生成させる量です。0 にするとデコードを測りません。</translation>
    </message>
    <message>
        <source>Depth</source>
        <translation>深さ</translation>
    </message>
    <message>
        <source>How many tokens stand in the context before.</source>
        <translation>すでにコンテキストにあるトークン数です。</translation>
    </message>
    <message>
        <source>At once</source>
        <translation>同時数</translation>
    </message>
    <message>
        <source>How many requests run at the same time.</source>
        <translation>同時に処理するリクエスト数です。</translation>
    </message>
    <message>
        <source>Repeats</source>
        <translation>繰り返し</translation>
    </message>
    <message>
        <source>How often each test is measured; 3 or more show the spread.</source>
        <translation>各テストを測る回数です。3 回以上でばらつきが分かります。</translation>
    </message>
    <message>
        <source>Quick</source>
        <translation>手早く</translation>
    </message>
    <message>
        <source>Thorough</source>
        <translation>じっくり</translation>
    </message>
    <message>
        <source>Presets</source>
        <translation>プリセット</translation>
    </message>
</context>
<context>
    <name>ComparisonView</name>
    <message>
        <source>Chart</source>
        <translation>グラフ</translation>
    </message>
    <message>
        <source>Table</source>
        <translation>表</translation>
    </message>
    <message>
        <source>Show as</source>
        <translation>表示形式</translation>
    </message>
    <message>
        <source>The figures of the chart</source>
        <translation>グラフの数値</translation>
    </message>
    <message>
        <source>Tokens per second of the chosen runs</source>
        <translation>選んだ測定の 1 秒あたりのトークン数</translation>
    </message>
    <message>
        <source>Choose a run below to see its figures.</source>
        <translation>下の一覧から測定を選ぶと、数値が表示されます。</translation>
    </message>
    <message>
        <source>The chart is being prepared.</source>
        <translation>グラフを準備しています。</translation>
    </message>
    <message>
        <source>Published devices</source>
        <translation>公表された速度</translation>
    </message>
    <message>
        <source>Set speeds that others measured beside the chosen runs</source>
        <translation>ほかの人が測った速度を、選んだ測定と並べます</translation>
    </message>
    <message>
        <source>Published by others</source>
        <translation>ほかの人が公表した速度</translation>
    </message>
    <message>
        <source>Published figures with their sources</source>
        <translation>公表された数値とその出典</translation>
    </message>
</context>
<context>
    <name>Findings</name>
    <message>
        <source>These runs have no test in common.</source>
        <translation>共通するテストがありません。</translation>
    </message>
    <message>
        <source>What was not the same (run {order})</source>
        <translation>条件の違い（測定 {order}）</translation>
    </message>
    <message>
        <source>Same machine, engine, settings and model</source>
        <translation>マシン、エンジン、設定、モデルはすべて同じです</translation>
    </message>
    <message>
        <source>and {number} more</source>
        <translation>ほか {number} 件</translation>
    </message>
    <message>
        <source>and {number} more in the table</source>
        <translation>ほか {number} 件は表にあります</translation>
    </message>
</context>
<context>
    <name>Bench</name>
    <message>
        <source>{field}: whole numbers from {low} to {high}, separated by commas.</source>
        <translation>{field}：{low}〜{high} の整数をコンマ区切りで入力してください。</translation>
    </message>
    <message>
        <source>There is nothing to measure.</source>
        <translation>測るものがありません。</translation>
    </message>
    <message>
        <source>Several at once need a prompt and generated tokens.</source>
        <translation>同時に測るには、入力と生成の両方が必要です。</translation>
    </message>
    <message>
        <source>These are too many tests for one run.</source>
        <translation>一度に測るテストが多すぎます。</translation>
    </message>
    <message>
        <source>Starting</source>
        <translation>準備しています</translation>
    </message>
    <message>
        <source>Stopping</source>
        <translation>中止しています</translation>
    </message>
    <message>
        <source>Waits for other work to end</source>
        <translation>ほかの作業が終わるのを待っています</translation>
    </message>
    <message>
        <source>test {number} of {total}</source>
        <translation>テスト {number} / {total}</translation>
    </message>
    <message>
        <source>about {time} left</source>
        <translation>残り約 {time}</translation>
    </message>
    <message>
        <source>Prefill</source>
        <translation>プリフィル</translation>
    </message>
    <message>
        <source>Decode</source>
        <translation>デコード</translation>
    </message>
    <message>
        <source>Decode, several requests at once</source>
        <translation>デコード（同時リクエスト）</translation>
    </message>
    <message>
        <source>{number} at once, {prompt} + {tokens} tokens</source>
        <translation>同時 {number} 件、{prompt} + {tokens} トークン</translation>
    </message>
    <message>
        <source>{tokens} tokens after {depth}</source>
        <translation>深さ {depth} で {tokens} トークン</translation>
    </message>
    <message>
        <source>{kind}, {test}</source>
        <translation>{kind}、{test}</translation>
    </message>
    <message>
        <source>{test}: {verdict}</source>
        <translation>{test}：{verdict}</translation>
    </message>
    <message>
        <source>{run}, {finding}</source>
        <translation>{run}、{finding}</translation>
    </message>
    <message>
        <source>{tokens} tokens</source>
        <translation>{tokens} トークン</translation>
    </message>
    <message>
        <source>Measuring waits until no answer is in progress</source>
        <translation>進行中の応答が終わるまで、測定を待っています</translation>
    </message>
    <message>
        <source>Storing the result</source>
        <translation>結果を保存しています</translation>
    </message>
    <message>
        <source>too few repeats to tell ({change})</source>
        <translation>繰り返しが少なく判断できません（{change}）</translation>
    </message>
    <message>
        <source>no real difference ({low} to {high})</source>
        <translation>差があるとはいえません（{low} 〜 {high}）</translation>
    </message>
    <message>
        <source>{value} times as fast, {low}–{high}</source>
        <translation>{value} 倍の速さ（{low}〜{high} 倍）</translation>
    </message>
    <message>
        <source>faster by {value} %, {low}–{high} %</source>
        <translation>{value} % 速い（{low}〜{high} %）</translation>
    </message>
    <message>
        <source>slower by {value} %, {low}–{high} %</source>
        <translation>{value} % 遅い（{low}〜{high} %）</translation>
    </message>
    <message>
        <source>Processor</source>
        <translation>プロセッサー</translation>
    </message>
    <message>
        <source>Architecture</source>
        <translation>アーキテクチャー</translation>
    </message>
    <message>
        <source>Cores</source>
        <translation>コア</translation>
    </message>
    <message>
        <source>Logical cores</source>
        <translation>論理コア</translation>
    </message>
    <message>
        <source>CPUs usable</source>
        <translation>使える CPU</translation>
    </message>
    <message>
        <source>Memory</source>
        <translation>メモリー</translation>
    </message>
    <message>
        <source>GPUs</source>
        <translation>GPU</translation>
    </message>
    <message>
        <source>System</source>
        <translation>OS</translation>
    </message>
    <message>
        <source>System version</source>
        <translation>OS のバージョン</translation>
    </message>
    <message>
        <source>Container</source>
        <translation>コンテナー</translation>
    </message>
    <message>
        <source>Power saving</source>
        <translation>省電力</translation>
    </message>
    <message>
        <source>Memory bandwidth in GB/s</source>
        <translation>メモリー帯域（GB/s）</translation>
    </message>
    <message>
        <source>Engine</source>
        <translation>エンジン</translation>
    </message>
    <message>
        <source>Engine build</source>
        <translation>エンジンのビルド</translation>
    </message>
    <message>
        <source>Engine commit</source>
        <translation>エンジンのコミット</translation>
    </message>
    <message>
        <source>Backends</source>
        <translation>バックエンド</translation>
    </message>
    <message>
        <source>Backends used</source>
        <translation>使われたバックエンド</translation>
    </message>
    <message>
        <source>Devices</source>
        <translation>デバイス</translation>
    </message>
    <message>
        <source>Threads</source>
        <translation>スレッド</translation>
    </message>
    <message>
        <source>KV cache, keys</source>
        <translation>KV キャッシュ（キー）</translation>
    </message>
    <message>
        <source>KV cache, values</source>
        <translation>KV キャッシュ（値）</translation>
    </message>
    <message>
        <source>Micro-batch</source>
        <translation>マイクロバッチ</translation>
    </message>
    <message>
        <source>Batch</source>
        <translation>バッチ</translation>
    </message>
    <message>
        <source>Layers on the GPU</source>
        <translation>GPU に置く層</translation>
    </message>
    <message>
        <source>Experts on the CPU</source>
        <translation>CPU に置くエキスパート</translation>
    </message>
    <message>
        <source>Device</source>
        <translation>デバイス</translation>
    </message>
    <message>
        <source>Flash attention</source>
        <translation>Flash Attention</translation>
    </message>
    <message>
        <source>Split mode</source>
        <translation>分割方法</translation>
    </message>
    <message>
        <source>Repeats</source>
        <translation>繰り返し</translation>
    </message>
    <message>
        <source>Model</source>
        <translation>モデル</translation>
    </message>
    <message>
        <source>File</source>
        <translation>ファイル</translation>
    </message>
    <message>
        <source>Content of the model</source>
        <translation>モデルの内容</translation>
    </message>
    <message>
        <source>SHA-256 of the model</source>
        <translation>モデルの SHA-256</translation>
    </message>
    <message>
        <source>Model size</source>
        <translation>モデルのサイズ</translation>
    </message>
    <message>
        <source>Model architecture</source>
        <translation>モデルのアーキテクチャー</translation>
    </message>
    <message>
        <source>Quant type</source>
        <translation>量子化タイプ</translation>
    </message>
    <message>
        <source>Parameters</source>
        <translation>パラメーター数</translation>
    </message>
    <message>
        <source>yes</source>
        <translation>はい</translation>
    </message>
    <message>
        <source>no</source>
        <translation>いいえ</translation>
    </message>
    <message>
        <source>{test}: the repeats spread by {spread} %. Did something else run?</source>
        <translation>{test}：繰り返しのばらつきが {spread} % あります。ほかの処理が動いていた可能性があります。</translation>
    </message>
    <message>
        <source>{test}: {number} requests were answered meanwhile. It is slower than alone.</source>
        <translation>{test}：測定中に {number} 件のリクエストに応答したため、単独の場合より遅い値です。</translation>
    </message>
    <message>
        <source>The machine ran on its battery.</source>
        <translation>バッテリーで動作していました。</translation>
    </message>
    <message>
        <source>An embedding model only reads: prefill without depth is all it does.</source>
        <translation>埋め込みモデルは読むだけなので、深さ 0 のプリフィルのみ測りました。</translation>
    </message>
    <message>
        <source>There is a GPU, and the engine in use cannot drive it: the CPU was measured.</source>
        <translation>GPU がありますが、使用中のエンジンでは動かせないため、CPU を測りました。</translation>
    </message>
    <message>
        <source>Run {number}: {name}</source>
        <translation>測定 {number}：{name}</translation>
    </message>
    <message>
        <source>compared with run {numbers}</source>
        <translation>測定 {numbers} と比較</translation>
    </message>
    <message>
        <source>{speed} (disturbed)</source>
        <translation>{speed}（ほかの処理あり）</translation>
    </message>
    <message>
        <source>Run {number}: {speed} tokens per second</source>
        <translation>測定 {number}：毎秒 {speed} トークン</translation>
    </message>
    <message>
        <source>tokens per second</source>
        <translation>トークン/秒</translation>
    </message>
    <message>
        <source>Test</source>
        <translation>テスト</translation>
    </message>
    <message>
        <source>Run {number}, tok/s</source>
        <translation>測定 {number}（tok/s）</translation>
    </message>
    <message>
        <source>Against run {number}</source>
        <translation>測定 {number} との比</translation>
    </message>
    <message>
        <source>Run {number} against run {base}</source>
        <translation>測定 {number} を測定 {base} と比べると</translation>
    </message>
    <message>
        <source>Against run {base}, the oldest of them</source>
        <translation>最も古い測定 {base} と比べると</translation>
    </message>
    <message>
        <source>Run {number}</source>
        <translation>測定 {number}</translation>
    </message>
    <message>
        <source>disturbed</source>
        <translation>ほかの処理あり</translation>
    </message>
    <message>
        <source>with notes</source>
        <translation>注記あり</translation>
    </message>
    <message>
        <source>Run</source>
        <translation>測定</translation>
    </message>
    <message>
        <source>When</source>
        <translation>日時</translation>
    </message>
    <message>
        <source>Prefill, tok/s</source>
        <translation>プリフィル（tok/s）</translation>
    </message>
    <message>
        <source>Decode, tok/s</source>
        <translation>デコード（tok/s）</translation>
    </message>
    <message>
        <source>Note</source>
        <translation>注記</translation>
    </message>
    <message>
        <source>read at its source</source>
        <translation>出典で直接確認</translation>
    </message>
    <message>
        <source>read in a copy of its source</source>
        <translation>出典の写しで確認</translation>
    </message>
    <message>
        <source>Published by others</source>
        <translation>ほかの人が公表した速度</translation>
    </message>
    <message>
        <source>tok/s</source>
        <translation>tok/s</translation>
    </message>
    <message>
        <source>Run {number} reaches</source>
        <translation>測定 {number} の割合</translation>
    </message>
    <message>
        <source>Comparison</source>
        <translation>比較</translation>
    </message>
    <message>
        <source>Source</source>
        <translation>出典</translation>
    </message>
    <message>
        <source>Status</source>
        <translation>確認の程度</translation>
    </message>
    <message>
        <source>same model, quant type and test</source>
        <translation>モデル・量子化・テストが同じ</translation>
    </message>
    <message>
        <source>same model, another test</source>
        <translation>モデルは同じ、テストは別</translation>
    </message>
    <message>
        <source>another model</source>
        <translation>別のモデル</translation>
    </message>
    <message>
        <source>{kinship}: {model}, {test}</source>
        <translation>{kinship}：{model}、{test}</translation>
    </message>
    <message>
        <source>Source: {source}</source>
        <translation>出典：{source}</translation>
    </message>
    <message>
        <source>{status}; build {build}</source>
        <translation>{status}、ビルド {build}</translation>
    </message>
    <message>
        <source>Label</source>
        <translation>名前</translation>
    </message>
    <message>
        <source>Quant</source>
        <translation>量子化</translation>
    </message>
    <message>
        <source>prefill {speed}</source>
        <translation>プリフィル {speed}</translation>
    </message>
    <message>
        <source>decode {speed}</source>
        <translation>デコード {speed}</translation>
    </message>
    <message>
        <source>same model and quant type</source>
        <translation>モデルと量子化が同じ</translation>
    </message>
</context>
<context>
    <name>Running</name>
    <message>
        <source>1 test, {repeat} repeats</source>
        <translation>テスト 1 件、繰り返し {repeat} 回</translation>
    </message>
    <message>
        <source>{number} tests, {repeat} repeats each</source>
        <translation>テスト {number} 件、繰り返し各 {repeat} 回</translation>
    </message>
    <message>
        <source>Stopped. Nothing of this run is kept.</source>
        <translation>中止しました。この測定の結果は保存されません。</translation>
    </message>
</context>
<context>
    <name>Stored</name>
    <message>
        <source>Written to {path}</source>
        <translation>{path} に書き出しました</translation>
    </message>
    <message>
        <source>{number} runs added.</source>
        <translation>測定結果を {number} 件追加しました。</translation>
    </message>
    <message>
        <source>{number} were here already.</source>
        <translation>{number} 件はすでにありました。</translation>
    </message>
    <message>
        <source>“{name}” was deleted.</source>
        <translation>「{name}」を削除しました。</translation>
    </message>
    <message>
        <source>{number} runs were deleted.</source>
        <translation>測定結果を {number} 件削除しました。</translation>
    </message>
    <message>
        <source>Undo</source>
        <translation>元に戻す</translation>
    </message>
</context>
<context>
    <name>Transfer</name>
    <message>
        <source>Import</source>
        <translation>読み込む</translation>
    </message>
    <message>
        <source>Take over runs from a file that Paddock exported</source>
        <translation>Paddock が書き出したファイルから測定結果を取り込みます</translation>
    </message>
    <message>
        <source>Export</source>
        <translation>書き出す</translation>
    </message>
    <message>
        <source>Write the chosen runs to a file</source>
        <translation>選んだ測定結果をファイルに書き出します</translation>
    </message>
    <message>
        <source>CSV for spreadsheets</source>
        <translation>CSV（表計算用）</translation>
    </message>
    <message>
        <source>Export the chosen runs</source>
        <translation>選んだ測定結果の書き出し</translation>
    </message>
    <message>
        <source>Import runs</source>
        <translation>測定結果の読み込み</translation>
    </message>
</context>
<context>
    <name>HistoryPane</name>
    <message>
        <source>All runs</source>
        <translation>これまでの測定</translation>
    </message>
    <message>
        <source>Choose several with Ctrl or Shift to compare them. F2 renames, Delete removes.</source>
        <translation>Ctrl または Shift を押しながら選ぶと、複数を比べられます。F2 で名前を変え、Delete で削除します。</translation>
    </message>
    <message>
        <source>Rename</source>
        <translation>名前を変更</translation>
    </message>
    <message>
        <source>Export…</source>
        <translation>書き出す…</translation>
    </message>
    <message>
        <source>Delete</source>
        <translation>削除</translation>
    </message>
    <message>
        <source>Delete {number} runs</source>
        <translation>{number} 件の測定を削除</translation>
    </message>
</context>
<context>
    <name>Chooser</name>
    <message>
        <source>Published devices</source>
        <translation>公表された速度</translation>
    </message>
    <message>
        <source>Close</source>
        <translation>閉じる</translation>
    </message>
    <message>
        <source>Device or model</source>
        <translation>デバイスまたはモデル</translation>
    </message>
    <message>
        <source>Search published devices</source>
        <translation>公表された速度を検索</translation>
    </message>
    <message>
        <source>Remove all</source>
        <translation>すべて外す</translation>
    </message>
    <message>
        <source>Measured by others and collected on {date}. A figure is comparable where model, quant type and test are the same; any other is shown under its own model's name.</source>
        <translation>ほかの人が測り、{date} に集めた数値です。モデル、量子化の種類、テストがすべて同じ数値だけが比較できます。それ以外は、そのモデルの名前を付けて示します。</translation>
    </message>
    <message>
        <source>{number} of at most {limit} are in the chart.</source>
        <translation>グラフに {number} 件（最大 {limit} 件）を表示しています。</translation>
    </message>
</context>
</TS>

<?xml version="1.0" encoding="utf-8"?>
<!DOCTYPE TS>
<TS version="2.1" language="ja">
<context>
    <name>QuantResults</name>
    <message>
        <source>the whole model</source>
        <translation>元のモデル</translation>
    </message>
    <message>
        <source>not made here</source>
        <translation>ほかで作成</translation>
    </message>
    <message>
        <source>tried, not kept</source>
        <translation>試作（保存なし）</translation>
    </message>
    <message>
        <source>recommended</source>
        <translation>おすすめ</translation>
    </message>
    <message>
        <source>One tensor got another type, because its rows do not divide into the type's blocks: {names}.</source>
        <translation>1 個のテンソルは、行がこのタイプのブロックで割り切れないため、別のタイプになりました：{names}</translation>
    </message>
    <message>
        <source>{count} tensors got another type, because their rows do not divide into the type's blocks: {names}.</source>
        <translation>{count} 個のテンソルは、行がこのタイプのブロックで割り切れないため、別のタイプになりました：{names}</translation>
    </message>
    <message>
        <source>and {count} more</source>
        <translation>ほか {count} 個</translation>
    </message>
    <message>
        <source>Type: {type}</source>
        <translation>タイプ：{type}</translation>
    </message>
    <message>
        <source>The same type for all tensors</source>
        <translation>すべてのテンソルを同じタイプに</translation>
    </message>
    <message>
        <source>Output tensor: {type}</source>
        <translation>出力テンソル：{type}</translation>
    </message>
    <message>
        <source>Token embedding: {type}</source>
        <translation>トークン埋め込み：{type}</translation>
    </message>
    <message>
        <source>{pattern}: {type}</source>
        <translation>{pattern}：{type}</translation>
    </message>
    <message>
        <source>KLD {value}</source>
        <translation>KLD {value}</translation>
    </message>
    <message>
        <source>same top token {share}</source>
        <translation>最上位トークンの一致 {share}</translation>
    </message>
    <message>
        <source>decode {speed} tok/s</source>
        <translation>デコード {speed} tok/s</translation>
    </message>
    <message>
        <source>The files were not compared with the whole model; only sizes are known.</source>
        <translation>元のモデルと比較していないため、サイズだけが分かります。</translation>
    </message>
    <message>
        <source>{chunks} of {planned}</source>
        <translation>{planned} のうち {chunks} </translation>
    </message>
    <message>
        <source>Compared with the whole model on {count} chunks of {tokens} tokens of {text}.</source>
        <translation>{text} の {count} チャンク（各 {tokens} トークン）で、元のモデルと比べました。</translation>
    </message>
    <message>
        <source>Intervals are 95 %; lower KLD is better.</source>
        <translation>区間は 95 %、KLD は小さいほど良い値です。</translation>
    </message>
    <message>
        <source>It was made to compare with; its file was not kept.</source>
        <translation>比較のために作ったもので、ファイルは残していません。</translation>
    </message>
    <message>
        <source>This is what the files are compared with.</source>
        <translation>ほかのファイルの比較の基準です。</translation>
    </message>
    <message>
        <source>Not measured: the job was not asked to evaluate.</source>
        <translation>測定していません。評価を指定せずに実行したジョブです。</translation>
    </message>
    <message>
        <source>Its speed was not measured.</source>
        <translation>速度は測定していません。</translation>
    </message>
    <message>
        <source>The engine did not print this figure.</source>
        <translation>エンジンがこの値を出力しませんでした。</translation>
    </message>
    <message>
        <source>Not measured.</source>
        <translation>測定していません。</translation>
    </message>
    <message>
        <source>Type or recipe</source>
        <translation>タイプ・レシピ</translation>
    </message>
    <message>
        <source>Size</source>
        <translation>サイズ</translation>
    </message>
    <message>
        <source>Bits/weight</source>
        <translation>ビット/重み</translation>
    </message>
    <message>
        <source>KLD mean</source>
        <translation>KLD 平均</translation>
    </message>
    <message>
        <source>95 %</source>
        <translation>95 %</translation>
    </message>
    <message>
        <source>KLD 99 %</source>
        <translation>KLD 99 %</translation>
    </message>
    <message>
        <source>Same top</source>
        <translation>最上位一致</translation>
    </message>
    <message>
        <source>Perplexity</source>
        <translation>パープレキシティ</translation>
    </message>
    <message>
        <source>PPL ratio</source>
        <translation>PPL 比</translation>
    </message>
    <message>
        <source>Decode, tok/s</source>
        <translation>デコード（tok/s）</translation>
    </message>
    <message>
        <source>Prefill, tok/s</source>
        <translation>プリフィル（tok/s）</translation>
    </message>
    <message>
        <source>Chunks</source>
        <translation>チャンク</translation>
    </message>
    <message>
        <source>Result</source>
        <translation>結果</translation>
    </message>
    <message>
        <source>File</source>
        <translation>ファイル</translation>
    </message>
    <message>
        <source>How many bits a weight takes on average</source>
        <translation>重み 1 個あたりの平均ビット数</translation>
    </message>
    <message>
        <source>How far its predictions are from the whole model's, on average: Kullback-Leibler divergence in nats for each token. Lower is better.</source>
        <translation>予測が元のモデルから平均でどれだけ離れているか（トークンあたりのカルバック・ライブラー・ダイバージェンス、単位は nat）。小さいほど良い値です。</translation>
    </message>
    <message>
        <source>The 95 % confidence interval of the mean</source>
        <translation>平均の 95 % 信頼区間</translation>
    </message>
    <message>
        <source>99 % of all tokens are nearer than this</source>
        <translation>全トークンの 99 % は、これより近い値です</translation>
    </message>
    <message>
        <source>How often it thinks the same token most likely as the whole model</source>
        <translation>最も確からしいトークンが元のモデルと一致した割合</translation>
    </message>
    <message>
        <source>How surprised it is by the text. Lower is better.</source>
        <translation>文章をどれだけ予測しにくいか。小さいほど良い値です。</translation>
    </message>
    <message>
        <source>Its perplexity divided by the whole model's</source>
        <translation>元のモデルのパープレキシティに対する比</translation>
    </message>
    <message>
        <source>Measured on this machine</source>
        <translation>このマシンで測定した値</translation>
    </message>
    <message>
        <source>How many chunks of the text were compared</source>
        <translation>比較に使った文章のチャンク数</translation>
    </message>
</context>
<context>
    <name>ResultsTable</name>
    <message>
        <source>Results of each file</source>
        <translation>ファイルごとの結果</translation>
    </message>
    <message>
        <source>Show in the Library</source>
        <translation>ライブラリーで表示</translation>
    </message>
    <message>
        <source>Open folder</source>
        <translation>フォルダーを開く</translation>
    </message>
    <message>
        <source>Copy row</source>
        <translation>行をコピー</translation>
    </message>
    <message>
        <source>Copy recipe</source>
        <translation>レシピをコピー</translation>
    </message>
    <message>
        <source>Copy SHA-256</source>
        <translation>SHA-256 をコピー</translation>
    </message>
</context>
<context>
    <name>ResultDetail</name>
    <message>
        <source>Size</source>
        <translation>サイズ</translation>
    </message>
    <message>
        <source>KL divergence</source>
        <translation>KL ダイバージェンス</translation>
    </message>
    <message>
        <source>99 % below</source>
        <translation>99 % がこれ未満</translation>
    </message>
    <message>
        <source>Same top token</source>
        <translation>最上位トークンの一致</translation>
    </message>
    <message>
        <source>Perplexity</source>
        <translation>パープレキシティ</translation>
    </message>
    <message>
        <source>Speed</source>
        <translation>速度</translation>
    </message>
    <message>
        <source>Recipe</source>
        <translation>レシピ</translation>
    </message>
    <message>
        <source>Made in</source>
        <translation>作成時間</translation>
    </message>
    <message>
        <source>Show in the Library</source>
        <translation>ライブラリーで表示</translation>
    </message>
    <message>
        <source>Open folder</source>
        <translation>フォルダーを開く</translation>
    </message>
    <message>
        <source>Copy path</source>
        <translation>パスをコピー</translation>
    </message>
    <message>
        <source>{size}, {bits} bits per weight</source>
        <translation>{size}、重みあたり {bits} ビット</translation>
    </message>
    <message>
        <source>{value}, {ratio} times the whole model's</source>
        <translation>{value}、元のモデルの {ratio} 倍</translation>
    </message>
    <message>
        <source>{speed} tok/s decode</source>
        <translation>デコード {speed} tok/s</translation>
    </message>
    <message>
        <source>{speed} tok/s prefill</source>
        <translation>プリフィル {speed} tok/s</translation>
    </message>
</context>
<context>
    <name>ResultsPlot</name>
    <message>
        <source>Size and loss</source>
        <translation>サイズと劣化</translation>
    </message>
    <message>
        <source>made here</source>
        <translation>ここで作成</translation>
    </message>
    <message>
        <source>not made here</source>
        <translation>ほかで作成</translation>
    </message>
    <message>
        <source>best for its size</source>
        <translation>サイズのわりに最良</translation>
    </message>
    <message>
        <source>KL divergence, log scale; the larger a point, the faster it is. Bars are 95 %.</source>
        <translation>縦軸は KL ダイバージェンス（対数目盛）。点が大きいほど速く、縦線は 95 % 区間です。</translation>
    </message>
    <message>
        <source>The chart is being prepared.</source>
        <translation>グラフを準備しています。</translation>
    </message>
    <message>
        <source>Size against KL divergence; the table below has the same figures</source>
        <translation>サイズと KL ダイバージェンスのグラフ。下の表に同じ値があります</translation>
    </message>
    <message>
        <source>Size, {unit}</source>
        <translation>サイズ（{unit}）</translation>
    </message>
</context>
<context>
    <name>TargetBox</name>
    <message>
        <source>Recipe</source>
        <translation>レシピ</translation>
    </message>
    <message>
        <source>Save as recipe</source>
        <translation>レシピとして保存</translation>
    </message>
    <message>
        <source>Found: {figures}</source>
        <translation>見つかったもの：{figures}</translation>
    </message>
    <message>
        <source>No recipe that was tried loses less than plain {type}, which was kept.</source>
        <translation>試したレシピに標準の {type} より劣化の少ないものはなかったため、それを残しました。</translation>
    </message>
    <message>
        <source>Plain {type}: {figures}</source>
        <translation>標準の {type}：{figures}</translation>
    </message>
    <message>
        <source>{count} recipes tried in {time}.</source>
        <translation>{time} で {count} 個のレシピを試しました。</translation>
    </message>
    <message>
        <source>The best within {size}</source>
        <translation>{size} 以内で最良</translation>
    </message>
    <message>
        <source>The best at {speed} tok/s or more</source>
        <translation>{speed} tok/s 以上で最良</translation>
    </message>
    <message>
        <source>KLD {value}</source>
        <translation>KLD {value}</translation>
    </message>
    <message>
        <source>{speed} tok/s</source>
        <translation>{speed} tok/s</translation>
    </message>
</context>
<context>
    <name>ResultsHistory</name>
    <message>
        <source>Result shown</source>
        <translation>表示する結果</translation>
    </message>
    <message>
        <source>Compared with</source>
        <translation>比較する結果</translation>
    </message>
    <message>
        <source>Compare with …</source>
        <translation>比較する結果を選ぶ…</translation>
    </message>
    <message>
        <source>1 file</source>
        <translation>1 ファイル</translation>
    </message>
    <message>
        <source>{count} files</source>
        <translation>{count} ファイル</translation>
    </message>
</context>
<context>
    <name>ExportButton</name>
    <message>
        <source>Export</source>
        <translation>書き出す</translation>
    </message>
    <message>
        <source>Write this result to a file, or copy it</source>
        <translation>この結果をファイルに書き出すか、コピーします</translation>
    </message>
    <message>
        <source>CSV for spreadsheets</source>
        <translation>CSV（表計算用）</translation>
    </message>
    <message>
        <source>Copy as Markdown</source>
        <translation>Markdown としてコピー</translation>
    </message>
    <message>
        <source>Export the result</source>
        <translation>結果の書き出し</translation>
    </message>
</context>
<context>
    <name>ResultsPane</name>
    <message>
        <source>When a job has finished, what each file lost, its size and speed appear here.</source>
        <translation>ジョブが終わると、各ファイルの劣化とサイズ、速度がここに表示されます。</translation>
    </message>
    <message>
        <source>Written to {path}</source>
        <translation>{path} に書き出しました</translation>
    </message>
    <message>
        <source>Copied.</source>
        <translation>コピーしました。</translation>
    </message>
</context>
</TS>

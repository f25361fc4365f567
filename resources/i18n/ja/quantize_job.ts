<?xml version="1.0" encoding="utf-8"?>
<!DOCTYPE TS>
<TS version="2.1" language="ja">
<context>
    <name>Errors</name>
    <message>
        <source>{path} was changed</source>
        <translation>{path} が変更されました</translation>
    </message>
    <message>
        <source>Files were being made of it or compared with it; half of them would be of another model.</source>
        <translation>このファイルから作成または比較している途中でした。続けると、一部が別のモデルのものになってしまいます。</translation>
    </message>
    <message>
        <source>Start again when nothing writes to it any more.</source>
        <translation>ファイルへの書き込みが終わってから、もう一度始めてください。</translation>
    </message>
    <message>
        <source>{path} is another model than {base}</source>
        <translation>{path} は {base} と別のモデルです</translation>
    </message>
    <message>
        <source>Compare files of one model only: those made of the same checkpoint.</source>
        <translation>比較できるのは、同じチェックポイントから作られた、同じモデルのファイルだけです。</translation>
    </message>
</context>
<context>
    <name>Notices</name>
    <message>
        <source>{label} loses least of those that fit in memory and are fast enough here: KL divergence {kld:.4f}, {speed:,.1f} tokens per second.</source>
        <translation>メモリに収まり、このマシンで十分に速いファイルのうち、{label} の損失がもっとも小さいです（KL ダイバージェンス {kld:.4f}、毎秒 {speed:,.1f} トークン）。</translation>
    </message>
    <message>
        <source>{label} (KL divergence {kld:.4f}, {speed:,.1f} tokens per second) is the smallest of those that fit in memory, are fast enough here and cannot be told apart by what they lose. The others of them: {others}.</source>
        <translation>メモリに収まり、このマシンで十分に速く、損失に差が認められないファイルのうち、もっとも小さいのは {label} です（KL ダイバージェンス {kld:.4f}、毎秒 {speed:,.1f} トークン）。差が認められないほかのファイル: {others}</translation>
    </message>
    <message>
        <source>{label} (KL divergence {kld:.4f}, {speed:,.1f} tokens per second) is the smallest of those that fit in memory, are fast enough here and lose next to nothing. The others of them: {others}.</source>
        <translation>メモリに収まり、このマシンで十分に速く、損失がほぼないファイルのうち、もっとも小さいのは {label} です（KL ダイバージェンス {kld:.4f}、毎秒 {speed:,.1f} トークン）。ほかに当てはまるファイル: {others}</translation>
    </message>
    <message>
        <source>None that fits in memory reaches {wished:,.0f} tokens per second here. {label} is the fastest of those that do not lose much: {speed:,.1f} tokens per second, KL divergence {kld:.4f}.</source>
        <translation>メモリに収まるファイルはどれも、このマシンでは毎秒 {wished:,.0f} トークンに届きません。損失の大きくないもののうち、もっとも速いのは {label} です（毎秒 {speed:,.1f} トークン、KL ダイバージェンス {kld:.4f}）。</translation>
    </message>
    <message>
        <source>All that fit in memory lose much. {label} loses least of them: KL divergence {kld:.4f}.</source>
        <translation>メモリに収まるファイルはどれも損失が大きいです。そのうち損失がもっとも小さいのは {label} です（KL ダイバージェンス {kld:.4f}）。</translation>
    </message>
    <message>
        <source>None of them fits in this machine's memory. {label} is the smallest.</source>
        <translation>このマシンのメモリに収まるファイルはありません。もっとも小さいのは {label} です。</translation>
    </message>
</context>
<context>
    <name>Facts</name>
    <message>
        <source>Quality lost</source>
        <translation>品質の低下</translation>
    </message>
</context>
</TS>
